import { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** What the sandbox's servers present, and the authority that a client has to trust. All PEM. */
export type TlsMaterial = { readonly ca: string; readonly cert: string; readonly key: string };

/** A server's certificate and its private key (PKCS #8), PEM. */
export type Issued = { readonly cert: string; readonly key: string };

type IssueOptions = {
  /** Host names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[];
  /** Its time ended a day ago. Default false. */
  readonly expired?: boolean;
};

/** A certificate authority of its own, which nobody trusts who was not told to. */
export type Authority = {
  /** Its own certificate, PEM: what a `caFile` holds. */
  readonly pem: string;
  issue(options?: IssueOptions): Promise<Issued>;
};

const DAY = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };

/** An authority and one server certificate for localhost, 127.0.0.1 and ::1. */
export async function makeTls(): Promise<TlsMaterial> {
  const authority = await makeAuthority('Keywarden sandbox CA');
  return { ca: authority.pem, ...(await authority.issue()) };
}

/**
 * Makes a certificate authority called `name` (EC P-256, RFC 5280).
 *
 * Validity counts from the machine's clock, not from the sandbox's: TLS clients check it against theirs.
 *
 * @example
 * const authority = await makeAuthority('Test CA');
 * const { cert, key } = await authority.issue({ names: ['api.example.com'] });
 */
export async function makeAuthority(name: string): Promise<Authority> {
  const x509 = await loadX509();
  const issuer = [{ CN: [name] }];
  const own = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: issuer,
    keys: own,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(own.publicKey),
    ],
  });

  const issue = async ({ names = ['localhost', '127.0.0.1', '::1'], expired = false }: IssueOptions = {}) => {
    const keys = await makeKeys();
    const issued = await x509.X509CertificateGenerator.create({
      // Clients look for names in subjectAltName alone (RFC 9525, section 2).
      subject: [{ CN: ['server'] }],
      issuer,
      publicKey: keys.publicKey,
      signingKey: own.privateKey,
      ...validity(expired),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names.map(alternativeName)),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(own.publicKey),
      ],
    });
    return { cert: pemOf(issued), key: privatePemOf(keys.privateKey) };
  };

  return { pem: pemOf(certificate), issue };
}

/** Costs a tenth of a second and 20 MB, which only those pay who make certificates. */
async function loadX509() {
  // The library's dependency injection throws where this has not been loaded before it.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function makeKeys() {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity(expired = false): { notBefore: Date; notAfter: Date } {
  const from = Date.now() - (expired ? 2 : 1) * DAY;
  return { notBefore: new Date(from), notAfter: new Date(from + (expired ? 1 : 366) * DAY) };
}

function alternativeName(value: string) {
  return { type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value };
}

function pemOf(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem')}\n`;
}

function privatePemOf(key: CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
