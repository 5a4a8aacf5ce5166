import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  type RegisteredClient,
  startAuthorizationServer,
} from '../../../test/support/authorization-server.ts';
import { EdgeError, type Net, type NetRequest, Secret, SecretSource } from '../../model/index.ts';
import { testNet } from '../../net/testing/index.ts';
import { testContext } from '../contract.suite.ts';
import type { OAuthClient, OAuthClientSettings } from '../contract.ts';
import { create } from './client.ts';
import { schema } from './schema.ts';

export const SCOPES = ['asset:download', 'license:purchase'];

/** An authorization server that ends with the test. */
export async function startServer(options: AuthorizationServerOptions = {}): Promise<AuthorizationServer> {
  const server = await startAuthorizationServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** A reference to a secret that is what `value` gives at each use. */
export function secretOf(value: () => string): SecretSource {
  const source = new SecretSource({ env: 'CLIENT_SECRET' });
  source.bind(async () => Secret.from(value()));
  return source;
}

export function settingsOf(
  { clientId, authentication, secret }: RegisteredClient,
  redirectUri = 'http://localhost:9/callback',
): OAuthClientSettings {
  return { clientId, authentication, redirectUri, secret: secretOf(() => secret) };
}

/** A connection that ends with the test, and every request that was made over it. */
export function recordedNet(change: (request: NetRequest) => NetRequest = (request) => request) {
  const real = testNet(null, { allowPlaintextLoopback: true, connections: 64 });
  onTestFinished(() => real.close());
  const requests: NetRequest[] = [];
  const net: Net = {
    ...real,
    request: (request) => {
      requests.push(request);
      return real.request(change(request));
    },
  };
  return { net, requests };
}

/** A client as `config` describes its server: over plain http on loopback. */
export function clientOf(
  config: object,
  settings: OAuthClientSettings,
  net: Net = recordedNet().net,
): OAuthClient {
  const parsed = schema.parse({ kind: 'oauth2', allowPlaintextLoopback: true, timeout: '5s', ...config });
  return create(testContext(parsed, net), settings);
}

export const endpointsOf = ({ issuer }: AuthorizationServer) => ({
  authorizationEndpoint: `${issuer}/auth`,
  tokenEndpoint: `${issuer}/token`,
});

/** A user's consent up to the callback. */
export async function consented(server: AuthorizationServer, client: OAuthClient, scopes = SCOPES) {
  const state = randomBytes(16).toString('base64url');
  const verifier = Secret.from(randomBytes(32).toString('base64url'));
  const challenge = createHash('sha256').update(verifier.reveal()).digest('base64url');
  const authorizeUrl = await client.authorizeUrl({ state, challenge, scopes });
  const query = await server.consent(authorizeUrl, { subject: 'user-1' });
  return { state, verifier, query, callback: Secret.from(query.toString()) };
}

/** The failure of a call that must fail, after a hunt for secrets in all that its error shows. */
export async function failureOf(call: Promise<unknown>, secrets: readonly string[] = []) {
  const error = await call.then(
    () => new Error('the call did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EdgeError)) throw error;
  const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error.failure) + error.stack;
  for (const secret of [...secrets, 'Planted', 'PRIVATE KEY']) expect(shown).not.toContain(secret);
  expect(error.cause).toBe(undefined);
  return error.failure;
}

/** Code and verdict: `invalid_grant rejected`. */
export async function verdictOf(call: Promise<unknown>, secrets: readonly string[] = []): Promise<string> {
  const { code, verdict } = await failureOf(call, secrets);
  return `${code} ${verdict}`;
}

/** The same of a call that may also succeed: `resolves`. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const resolved = await call.then(
    () => true,
    () => false,
  );
  return resolved ? 'resolves' : verdictOf(call);
}
