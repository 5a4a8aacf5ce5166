import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto';
import { type ClientAuth, ClientSecretPost, modifyAssertion, PrivateKeyJwt } from 'oauth4webapi';
import { EdgeError, KeywardenError, SECOND, type Secret } from '../../model/index.ts';
import { field, parseJson } from '../answers.ts';
import type { OAuthClientSettings } from '../contract.ts';

/** How long an assertion is good; a server sees it at once. */
const ASSERTION_LIFE = 60;
/** What RFC 7518, 3.3 asks of RSA. */
const RSA_BITS = 2_048;

/** Who the request is for, as an assertion says it. */
export type Audience = {
  /** The issuer; where none is known the token endpoint (RFC 7523, 3). */
  readonly audience: string;
  /** The server's time, ms since the epoch. */
  readonly now: number;
};

type SigningKey = { readonly key: CryptoKey; readonly alg: string; readonly kid: string | null };

/** How a client proves to the server who it is. Its secret is read anew each time, so that a changed one counts at once. */
export class Authentication {
  readonly #settings: OAuthClientSettings;
  #imported: { readonly from: Secret; readonly key: SigningKey } | null = null;

  constructor(settings: OAuthClientSettings) {
    this.#settings = settings;
  }

  /** What to do where the server does not accept the client. */
  get remedy(): string {
    const { authentication, secret } = this.#settings;
    const what = authentication === 'private_key_jwt' ? 'private key' : 'secret';
    return `check clientId and the client's ${what} (${secret.where})`;
  }

  /**
   * @throws {EdgeError} `secret_unavailable`, retryable: a file may be replaced at this moment; `invalid_client`,
   * permanent: a private key that cannot be used
   */
  async prove({ audience, now }: Audience): Promise<{ readonly auth: ClientAuth; readonly secret: string }> {
    const secret = await this.#read();
    const value = secret.reveal();
    switch (this.#settings.authentication) {
      case 'client_secret_basic':
        return { auth: basic(value), secret: value };
      case 'client_secret_post':
        return { auth: ClientSecretPost(value), secret: value };
      case 'private_key_jwt':
        return { auth: signed(await this.#key(secret), audience, now), secret: value };
    }
  }

  async #read(): Promise<Secret> {
    const { secret } = this.#settings;
    try {
      return await secret.read();
    } catch (error) {
      throw new EdgeError({
        code: 'secret_unavailable',
        verdict: 'retryable',
        message:
          error instanceof KeywardenError
            ? error.message
            : `the ${secret.where} for the OAuth client cannot be read`,
      });
    }
  }

  async #key(secret: Secret): Promise<SigningKey> {
    if (this.#imported?.from.equals(secret) !== true) {
      this.#imported = { from: secret, key: importKey(secret.reveal(), this.#settings.secret.where) };
    }
    return this.#imported.key;
  }
}

/**
 * RFC 6749, 2.3.1. oauth4webapi escapes signs that a form leaves as they are (`-`, `_`, `.`); servers that undo nothing then
 * refuse secrets that they would know.
 */
function basic(secret: string): ClientAuth {
  const escaped = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return (_server, client, _body, headers) => {
    const credentials = Buffer.from(`${escaped(client.client_id)}:${escaped(secret)}`);
    headers.set('authorization', `Basic ${credentials.toString('base64')}`);
  };
}

/** RFC 7523, by the server's clock: oauth4webapi takes the machine's. */
function signed({ key, alg, kid }: SigningKey, audience: string, now: number): ClientAuth {
  return PrivateKeyJwt(kid === null ? key : { key, kid }, {
    [modifyAssertion]: (header, payload) => {
      header.alg = alg;
      const at = Math.floor(now / SECOND);
      Object.assign(payload, { aud: audience, iat: at, nbf: at, exp: at + ASSERTION_LIFE });
    },
  });
}

function importKey(text: string, where: string): SigningKey {
  const jwk = text.trimStart().startsWith('{') ? parseJson(text) : undefined;
  const key = privateKeyIn(text, jwk);
  const algorithm = key === null ? null : algorithmOf(key, field(jwk, 'alg'));
  if (key === null || algorithm === null) {
    const expected = 'a private key in PEM (PKCS#8) or as a JWK: RSA of 2048 bits or more, P-256 or Ed25519';
    throw new EdgeError({
      code: 'invalid_client',
      verdict: 'permanent',
      message: `the client's private key (${where}) cannot be used: expected ${expected}, without a passphrase`,
    });
  }
  const kid = field(jwk, 'kid');
  return {
    key: key.toCryptoKey(algorithm.of, false, ['sign']),
    alg: algorithm.alg,
    kid: typeof kid === 'string' && kid !== '' ? kid : null,
  };
}

/** The parser's errors are not told: they can quote the key. */
function privateKeyIn(text: string, jwk: unknown): KeyObject | null {
  try {
    return jwk === undefined
      ? createPrivateKey(text)
      : createPrivateKey({ key: jwk as webcrypto.JsonWebKey, format: 'jwk' });
  } catch {
    return null;
  }
}

/** The algorithm that the key's own kind asks for; of an RSA key a JWK may say PS256. */
function algorithmOf(key: KeyObject, alg: unknown) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS) {
    if (alg === 'PS256') return { alg: 'PS256', of: { name: 'RSA-PSS', hash: 'SHA-256' } };
    return { alg: 'RS256', of: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } };
  }
  if (type === 'ec' && details?.namedCurve === 'prime256v1') {
    return { alg: 'ES256', of: { name: 'ECDSA', namedCurve: 'P-256' } };
  }
  // Servers know it as EdDSA (RFC 8037); its new name (RFC 9864) is used where the key bears it.
  if (type === 'ed25519') return { alg: alg === 'Ed25519' ? 'Ed25519' : 'EdDSA', of: { name: 'Ed25519' } };
  return null;
}
