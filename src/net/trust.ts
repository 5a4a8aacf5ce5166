import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import { EdgeError, type Net, type NetIdentity } from '../model/index.ts';

/** Whom a connection trusts. Both parts are worked out when first read: the roots of the world cost some 40 ms. */
export type Trust = Net['trust'] & {
  /** TLS 1.2 or later with these roots. */
  readonly context: SecureContext;
  /** See `Net.as`. @throws {EdgeError} `ca_file` or `client_certificate` */
  as(identity: NetIdentity): Trust;
};

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Node's default roots, and the certificates in `caFile` besides. The file is read at once.
 *
 * @throws {EdgeError} `ca_file` where the file cannot be read or holds no certificate
 */
export function loadTrust(caFile: string | undefined): Trust {
  if (caFile === undefined) {
    // Without a CA of our own, OpenSSL's shared store serves: it costs nothing more.
    let shared: SecureContext | undefined;
    return {
      rejectUnauthorized: true,
      get context(): SecureContext {
        shared ??= tls().createSecureContext({ minVersion: 'TLSv1.2' });
        return shared;
      },
      as: (identity) => trustOf('', identity),
    };
  }
  const extra = certificatesIn(readText(caFile), `the CA file ${caFile}`).join('\n');
  const known = trusts.get(extra) ?? trustBesidesRoots(extra);
  trusts.set(extra, known);
  return known;
}

/** By the certificates themselves: connections that name the same CA share what was worked out. */
const trusts = new Map<string, Trust>();

function trustBesidesRoots(extra: string): Trust {
  let ca: string | undefined;
  let context: SecureContext | undefined;
  return {
    rejectUnauthorized: true,
    get ca(): string {
      ca ??= [...tls().getCACertificates('default'), extra].join('\n');
      return ca;
    },
    get context(): SecureContext {
      context ??= tls().createSecureContext({ minVersion: 'TLSv1.2', ca: this.ca });
      return context;
    },
    as: (identity) => trustOf(extra, identity),
  };
}

/** Made at once: whoever names a certificate and a key that do not go together hears it by name. */
function trustOf(extra: string, { ca: named, client }: NetIdentity): Trust {
  const roots = named === undefined ? tls().getCACertificates('default') : certificatesIn(named, 'the CA');
  const ca = [...roots, extra].join('\n');
  return {
    rejectUnauthorized: true,
    ca,
    context: contextOf(ca, client),
    as: (identity) => trustOf(extra, identity),
  };
}

function contextOf(ca: string, client: NetIdentity['client']): SecureContext {
  const own = client === undefined ? {} : { cert: client.certificate, key: client.key.reveal() };
  try {
    return tls().createSecureContext({ minVersion: 'TLSv1.2', ca, ...own });
  } catch {
    // OpenSSL's own words could quote what it was given.
    throw new EdgeError({
      code: 'client_certificate',
      verdict: 'permanent',
      message:
        'the client certificate and its key cannot be used; both must be PEM, belong together, and the key have no passphrase',
    });
  }
}

/** Fetched with the first connection: no start has to wait for it. */
function tls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw caFault(`the CA file ${file}`, `cannot be read${code}; check tls.caFile and the file's mode`);
  }
}

function certificatesIn(text: string, name: string): string[] {
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) {
    throw caFault(name, 'holds no certificate; it must be PEM with "-----BEGIN CERTIFICATE-----"');
  }
  for (const [index, pem] of certificates.entries()) {
    try {
      new X509Certificate(pem);
    } catch {
      throw caFault(name, `has a damaged certificate (number ${index + 1}); export it again as PEM`);
    }
  }
  return [...certificates];
}

function caFault(name: string, what: string): EdgeError {
  return new EdgeError({ code: 'ca_file', verdict: 'permanent', message: `${name} ${what}` });
}
