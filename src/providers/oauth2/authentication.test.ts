import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Clock, KeywardenError, type NetRequest, Secret, SecretSource } from '../../model/index.ts';
import { testContext } from '../contract.suite.ts';
import { create } from './client.ts';
import { schema } from './schema.ts';
import {
  clientOf,
  endpointsOf,
  failureOf,
  recordedNet,
  secretOf,
  settingsOf,
  startServer,
  verdictOf,
} from './testing.ts';

const all = { scopes: null };
const JWT = { clientId: 'jwt-client', authentication: 'private_key_jwt' } as const;

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const rsa = (modulusLength = 2_048): Pair => generateKeyPairSync('rsa', { modulusLength });
const ec = (namedCurve = 'P-256'): Pair => generateKeyPairSync('ec', { namedCurve });
const ed25519 = (): Pair => generateKeyPairSync('ed25519');
const pem = ({ privateKey }: Pair) => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const jwk =
  (fields: object) =>
  ({ privateKey }: Pair) =>
    JSON.stringify({ ...privateKey.export({ format: 'jwk' }), ...fields });

/** The header and the claims of the assertion that a request bore. */
function assertionIn({ body }: NetRequest): readonly [header: object, claims: Record<string, unknown>] {
  const assertion = new URLSearchParams(String(body)).get('client_assertion') ?? '';
  const [header = '', claims = ''] = assertion.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return [read(header), read(claims)];
}

test.each<readonly [string, () => Pair, (pair: Pair) => string, { alg: string; kid?: string }]>([
  ['RSA in PEM', rsa, pem, { alg: 'RS256' }],
  ['RSA as JWK', rsa, jwk({ kid: 'k1' }), { alg: 'RS256', kid: 'k1' }],
  ['RSA as JWK for PS256', rsa, jwk({ alg: 'PS256' }), { alg: 'PS256' }],
  ['P-256 in PEM', ec, pem, { alg: 'ES256' }],
  ['P-256 as JWK', ec, jwk({}), { alg: 'ES256' }],
  ['Ed25519 in PEM', ed25519, pem, { alg: 'EdDSA' }],
  ['Ed25519 as JWK', ed25519, jwk({}), { alg: 'EdDSA' }],
  ['Ed25519 as JWK by its new name', ed25519, jwk({ alg: 'Ed25519' }), { alg: 'Ed25519' }],
])('a private key that is %s signs what the server accepts', async (_what, generate, form, header) => {
  const pair = generate();
  const kid = header.kid === undefined ? {} : { kid: header.kid };
  const server = await startServer({ key: { public: pair.publicKey, private: pem(pair), ...kid } });
  const { net, requests } = recordedNet();
  const settings = { ...settingsOf(server.clients.jwt), secret: secretOf(() => form(pair)) };
  const client = clientOf({ issuer: server.issuer }, settings, net);
  const token = Secret.from(await server.grant(server.clients.jwt, 'user-1'));
  expect((await client.parse(await client.refresh(token, all))).faults).toEqual([]);
  const sent = requests.at(-1);
  if (sent === undefined) throw new TypeError('nothing was sent');
  const [signedAs, claims] = assertionIn(sent);
  expect(signedAs).toEqual(header);
  expect(claims).toMatchObject({ iss: 'jwt-client', sub: 'jwt-client', aud: server.issuer });
});

test.each<readonly [string, string]>([
  ['no key', 'PlantedNonsense'],
  ['a JWK that is none', '{"kty":"RSA","n":"Planted"}'],
  ['half a PEM', pem(ec()).slice(0, 60)],
  ['RSA of 1024 bits', pem(rsa(1_024))],
  ['a curve that is not supported', pem(ec('secp256k1'))],
  [
    'one with a passphrase',
    ec()
      .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString(),
  ],
])('a private key that is %s is the client’s fault, and nothing is sent', async (_what, text) => {
  const { net, requests } = recordedNet();
  const settings = settingsOf({ ...JWT, secret: text });
  const client = clientOf(
    { authorizationEndpoint: 'https://a.example.com/a', tokenEndpoint: 'https://a.example.com/t' },
    settings,
    net,
  );
  const lines = text.split('\n').filter((line) => line.length > 20);
  const failure = await failureOf(client.refresh(Secret.from('t'), all), lines);
  expect(failure).toMatchObject({ code: 'invalid_client', verdict: 'permanent' });
  expect(failure.message).toContain('environment variable CLIENT_SECRET');
  expect(requests).toEqual([]);
});

test('an assertion bears the server’s time, however far off the machine’s is, and names the endpoint where no issuer is known', async () => {
  const server = await startServer();
  const { net, requests } = recordedNet();
  const wrong = Date.now() - 3 * 86_400_000;
  const clock: Clock = {
    now: () => wrong,
    monotonic: () => performance.now(),
    steady: () => performance.now(),
    after: () => () => {},
  };
  const parsed = schema.parse({ kind: 'oauth2', ...endpointsOf(server), allowPlaintextLoopback: true });
  const client = create(testContext(parsed, net, clock), settingsOf(server.clients.jwt));
  const token = Secret.from(await server.grant(server.clients.jwt, 'user-1'));
  // Its first answer tells the time.
  expect(await verdictOf(client.refresh(token, all))).toBe('invalid_client permanent');
  expect((await client.parse(await client.refresh(token, all))).faults).toEqual([]);
  const [first, second] = requests.map((request) => assertionIn(request)[1]);
  expect(first).toMatchObject({ aud: `${server.issuer}/token`, iat: Math.floor(wrong / 1_000) });
  expect(Math.abs(Number(second?.iat) * 1_000 - Date.now())).toBeLessThan(10_000);
  expect(Number(second?.exp) - Number(second?.iat)).toBe(60);
  expect(first?.jti).not.toBe(second?.jti);
});

test('a key that was changed signs the next request', async () => {
  const [old, next] = [ec(), ec()];
  const server = await startServer({ key: { public: next.publicKey, private: pem(next) } });
  let text = pem(old);
  const settings = { ...settingsOf(server.clients.jwt), secret: secretOf(() => text) };
  const client = clientOf(endpointsOf(server), settings);
  const token = Secret.from(await server.grant(server.clients.jwt, 'user-1'));
  expect(await verdictOf(client.refresh(token, all))).toBe('invalid_client permanent');
  text = pem(next);
  expect((await client.parse(await client.refresh(token, all))).faults).toEqual([]);
});

test('a form leaves the signs of a secret as they are wherever it can', async () => {
  const { net, requests } = recordedNet(() => ({ method: 'GET', url: 'http://localhost:1/' }));
  const secret = 'a-b_c.d~e+f/g=h i:ü';
  const settings = settingsOf({ clientId: 'my.client-1', authentication: 'client_secret_basic', secret });
  const client = clientOf(
    { authorizationEndpoint: 'https://a.example.com/a', tokenEndpoint: 'https://a.example.com/t' },
    settings,
    net,
  );
  await failureOf(client.refresh(Secret.from('t'), all));
  const header = requests[0]?.headers?.authorization?.replace('Basic ', '') ?? '';
  expect(Buffer.from(header, 'base64').toString()).toBe('my.client-1:a-b_c.d%7Ee%2Bf%2Fg%3Dh+i%3A%C3%BC');
});

test('a secret that cannot be read now may be read later, and nothing is sent', async () => {
  const { net, requests } = recordedNet();
  const secret = new SecretSource({ file: '/run/secrets/client' });
  secret.bind(() =>
    Promise.reject(new KeywardenError('secret_unavailable', 'file /run/secrets/client is empty')),
  );
  const settings = { ...settingsOf({ ...JWT, secret: '' }), secret };
  const client = clientOf(
    { authorizationEndpoint: 'https://a.example.com/a', tokenEndpoint: 'https://a.example.com/t' },
    settings,
    net,
  );
  const failure = await failureOf(client.refresh(Secret.from('t'), all));
  expect(failure).toEqual({
    code: 'secret_unavailable',
    verdict: 'retryable',
    message: 'file /run/secrets/client is empty',
  });
  expect(requests).toEqual([]);
});
