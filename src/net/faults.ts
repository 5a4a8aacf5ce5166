import { EdgeError, type Verdict } from '../model/index.ts';
import { RefusedAddress } from './addresses.ts';

/** What a message may say of a request: never its headers, its body or its query. */
export type Exchanged = {
  /** Method and address without the query: see {@link describe}. */
  readonly target: string;
  /** Whether its first byte may have left. */
  readonly sent: boolean;
  readonly proxied: boolean;
};

/** `POST https://api.example.com/v1/rotate`; the path is left out where it holds a secret. */
export function describe(method: string, url: URL, secretPath: boolean): string {
  const path = secretPath ? '' : url.pathname.slice(0, 200);
  return `${method} ${url.protocol}//${url.host}${path === '/' ? '' : path}`;
}

/** A failure of `exchanged`: `retryable` where nothing was sent, else `unknown`. */
export function fault(code: string, exchanged: Pick<Exchanged, 'target' | 'sent'>, what: string): EdgeError {
  const verdict: Verdict = exchanged.sent ? 'unknown' : 'retryable';
  const phase = exchanged.sent ? 'was sent but' : 'was not sent:';
  return new EdgeError({ code, verdict, message: `${exchanged.target} ${phase} ${what}` });
}

/** A request that must not be sent. */
export function refusal(code: string, target: string, why: string): EdgeError {
  return new EdgeError({ code, verdict: 'permanent', message: `${target} was refused: ${why}` });
}

/** The refusal of an address that `network.allow` would have to list. */
export function refusedAddress(target: string, address: string): EdgeError {
  return refusal(
    'blocked_address',
    target,
    `the host stands for ${address}, a link-local or metadata address; list the name or the address in network.allow if it is meant`,
  );
}

/**
 * What undici or a socket threw, as an EdgeError. The original is not chained: it can hold headers.
 * Only its code is told, which is a constant of Node, OpenSSL or undici.
 */
export function faultOf(error: unknown, exchanged: Exchanged): EdgeError {
  if (error instanceof EdgeError) return error;
  if (error instanceof RefusedAddress) return refusedAddress(exchanged.target, error.address);
  const code = codeOf(error);
  const shown = code === '' ? '' : ` (${code})`;
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return fault('closed', exchanged, 'the connection was closed on our side');
  }
  if (!exchanged.sent) return beforeSending(code, shown, exchanged);
  // Of the codes of undici's parser most are undefined: its name must do.
  const garbled =
    (error instanceof Error && error.name === 'HTTPParserError') ||
    (code.startsWith('HPE_') && code !== 'HPE_HEADER_OVERFLOW');
  return garbled
    ? fault('bad_response', exchanged, 'the answer is not HTTP')
    : afterSending(code, shown, exchanged);
}

function beforeSending(code: string, shown: string, exchanged: Exchanged): EdgeError {
  if (code === 'UND_ERR_INVALID_ARG' || NO_HTTP.test(code)) {
    return refusal(
      'invalid_request',
      exchanged.target,
      'a header or the method has a form that HTTP forbids',
    );
  }
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    return fault('dns', exchanged, `the host name has no address${shown}; check the name and the resolver`);
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return fault('timeout', exchanged, 'no connection came about in time; check address and firewall');
  }
  if (code.startsWith('UND_ERR_PRX') || (exchanged.proxied && code === 'UND_ERR_ABORTED')) {
    return fault('proxy', exchanged, `the proxy did not open a tunnel${shown}; check the proxy`);
  }
  if (TLS.test(code)) return fault('tls', exchanged, `${tlsHint(code)}${shown}`);
  return fault(
    'connect',
    exchanged,
    `no connection came about${shown}; check that the service runs and can be reached`,
  );
}

function afterSending(code: string, shown: string, exchanged: Exchanged): EdgeError {
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return fault('too_large', exchanged, 'the header of the answer is larger than 16 KiB');
  }
  return fault('reset', exchanged, `the connection was cut before the whole answer came${shown}`);
}

/** Of Node's own client. */
const NO_HTTP = /^ERR_(INVALID_CHAR|INVALID_HTTP_TOKEN|UNESCAPED_CHARACTERS|HTTP_INVALID_HEADER_VALUE)$/;

const TLS =
  /^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH_|EPROTO$)/;

function tlsHint(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return 'the certificate is for another host name; check the address';
  }
  if (/^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)) {
    return 'the certificate is signed by a CA that is not trusted; name its file in tls.caFile if it is yours';
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'the certificate is outside its time; renew it there, or set the clock here';
  }
  if (/PROTOCOL|VERSION|EPROTO/.test(code)) {
    return 'the service does not speak TLS 1.2 or later at this address';
  }
  return 'TLS could not be agreed upon';
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' && /^[A-Z0-9_]{1,64}$/.test(error.code) ? error.code : '';
}
