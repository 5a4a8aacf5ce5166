import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bits, integer, octets, oid, sequence, set, tlv, utcTime, utf8, yes } from './der.ts';

/** What the sandbox's servers present, and the authority that a client has to trust. All PEM. */
export type TlsMaterial = { readonly ca: string; readonly cert: string; readonly key: string };

const DAY = 86_400_000;
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

type Party = { readonly name: string; readonly publicKey: KeyObject };
type Issuer = { readonly name: string; readonly privateKey: KeyObject };

/**
 * Makes a certificate authority and one server certificate for localhost, 127.0.0.1 and ::1 (EC P-256, RFC 5280).
 *
 * Validity counts from the machine's clock, not from the sandbox's: TLS clients check it against theirs.
 */
export function makeTls(): TlsMaterial {
  const now = Date.now();
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: 'Keywarden sandbox CA', privateKey: authority.privateKey };
  const keyId = keyIdentifier(authority.publicKey);
  const ca = certificate({ name: issuer.name, publicKey: authority.publicKey }, issuer, now, [
    extension('2.5.29.19', true, sequence(yes())),
    extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)),
    extension('2.5.29.14', false, octets(keyId)),
  ]);
  const cert = certificate({ name: 'localhost', publicKey: server.publicKey }, issuer, now, [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', false, alternativeNames()),
    extension('2.5.29.35', false, sequence(tlv(0x80, keyId))),
  ]);
  return { ca, cert, key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function certificate(subject: Party, issuer: Issuer, now: number, extensions: readonly Buffer[]): string {
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) | 0x40;
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_SHA256,
    distinguishedName(issuer.name),
    sequence(utcTime(new Date(now - DAY)), utcTime(new Date(now + 365 * DAY))),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const whole = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, issuer.privateKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [yes()] : []), octets(value));
}

function alternativeNames(): Buffer {
  const loopback6 = Buffer.alloc(16);
  loopback6[15] = 1;
  return sequence(
    tlv(0x82, Buffer.from('localhost', 'ascii')),
    tlv(0x87, Buffer.from([127, 0, 0, 1])),
    tlv(0x87, loopback6),
  );
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}
