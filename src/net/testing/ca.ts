import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';

/*
 * A certificate authority for tests: X.509 version 3 (RFC 5280) with ECDSA P-256, written as DER by hand,
 * which needs no library and takes a millisecond.
 */

export type Issued = { readonly cert: string; readonly key: string };

export type IssueOptions = {
  /** Host names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[];
  /** Outside its time since 2001. */
  readonly expired?: boolean;
};

export type TestCa = {
  /** The CA's certificate, PEM: what `caFile` holds. */
  readonly pem: string;
  issue(options?: IssueOptions): Issued;
};

/**
 * A fresh CA.
 *
 * @example
 * const ca = makeCa();
 * const server = await serve(handler, { tls: ca.issue({ names: ['api.example.com'] }) });
 */
export function makeCa(name = 'Test CA'): TestCa {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = certificate({
    subject: name,
    issuer: name,
    subjectKey: pair.publicKey,
    signer: pair.privateKey,
  });
  return {
    pem: own,
    issue({ names = ['localhost', '127.0.0.1', '::1'], expired = false } = {}) {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return {
        cert: certificate({
          subject: 'server',
          issuer: name,
          subjectKey: leaf.publicKey,
          signer: pair.privateKey,
          names,
          expired,
        }),
        key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

type Spec = {
  readonly subject: string;
  readonly issuer: string;
  readonly subjectKey: KeyObject;
  readonly signer: KeyObject;
  /** Absent: a CA. */
  readonly names?: readonly string[];
  readonly expired?: boolean;
};

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));

function certificate(spec: Spec): string {
  const from = utcTime('000101000000Z');
  const to = utcTime(spec.expired === true ? '010101000000Z' : '491231235959Z');
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    distinguishedName(spec.issuer),
    sequence(from, to),
    distinguishedName(spec.subject),
    spec.subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(spec.names === undefined ? authority() : alternativeNames(spec.names))),
  );
  const signature = sign('sha256', body, spec.signer);
  const whole = sequence(body, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** basicConstraints: a CA, critical. */
function authority(): Buffer {
  return sequence(
    oid('551d13'),
    der(0x01, Buffer.from([0xff])),
    der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
  );
}

/** subjectAltName. */
function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name)),
  );
  return sequence(oid('551d11'), der(0x04, sequence(...entries)));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = new SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const words = (text: string) =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const first = words(head);
  const last = tail === undefined ? [] : words(tail);
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** One element of DER (X.690): tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  let length = [size];
  if (size > 0xff) length = [0x82, size >> 8, size & 0xff];
  else if (size > 0x7f) length = [0x81, size];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
