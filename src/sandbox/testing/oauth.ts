import { createHash } from 'node:crypto';
import type { SandboxOptions } from '../index.ts';
import { type Answer, field, type Request, world } from './world.ts';

export const CALLBACK = 'https://app.example/callback?from=frameflow';
const VERIFIER = 'v'.repeat(43);
export const STATE = 'st/ate &1';
export const SCOPES = ['asset:download', 'license:purchase'];
export const CLIENT = { clientId: 'footage', secret: 'a+b %&:ü', redirectUris: [CALLBACK] };
export const OTHER = {
  clientId: 'other',
  secret: 'sss',
  redirectUris: ['https://other.example/a', CALLBACK],
};

type Fields = Readonly<Record<string, string | null>>;

/** A sandbox with two clients whose users approve everything at once, unless told otherwise. */
export async function oauthWorld({ oauth, ...options }: SandboxOptions = {}) {
  const here = await world({
    ...options,
    oauth: { clients: [CLIENT, OTHER], consent: 'automatic', ...oauth },
  });
  const { url } = here.sandbox.frameflow;

  /** GET /oauth/authorize; null leaves a parameter out. */
  const authorize = (more: Fields = {}) => here.call(`${url}/oauth/authorize?${filled(QUERY, more)}`);

  /** POST /oauth/token by `client`, which proves itself by client_secret_basic. */
  const post = (form: Fields, request: Request = {}, client = CLIENT) =>
    here.call(`${url}/oauth/token`, {
      method: 'POST',
      body: filled({}, form).toString(),
      ...request,
      headers: { ...FORM, authorization: basic(client), ...request.headers },
    });

  const exchange = (code: string, more: Fields = {}, client = CLIENT) =>
    post({ ...EXCHANGE, code, ...more }, {}, client);

  return {
    ...here,
    authorize,
    post,
    exchange,
    refresh: (value: string, more: Fields = {}, client = CLIENT) =>
      post({ grant_type: 'refresh_token', refresh_token: value, ...more }, {}, client),
    /** A code, as a user's consent gives it. */
    code: async (more: Fields = {}) => callback(await authorize(more)).get('code') ?? '',
    /** A whole consent: its tokens. */
    async consent(more: Fields = {}) {
      return tokensIn(await exchange(callback(await authorize(more)).get('code') ?? ''));
    },
    download: (token: string) => here.call(`${url}/v1/assets/clip_1/download`, { key: token }),
  };
}

const QUERY: Fields = {
  response_type: 'code',
  client_id: CLIENT.clientId,
  redirect_uri: CALLBACK,
  scope: SCOPES.join(' '),
  state: STATE,
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
};

const EXCHANGE: Fields = {
  grant_type: 'authorization_code',
  redirect_uri: CALLBACK,
  code_verifier: VERIFIER,
};

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** RFC 6749, 2.3.1: both parts are form-encoded before they are joined. */
export function basic({ clientId, secret }: { readonly clientId: string; readonly secret: string }): string {
  const encoded = [clientId, secret].map((text) => `${new URLSearchParams({ v: text })}`.slice(2));
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`;
}

function filled(base: Fields, more: Fields): URLSearchParams {
  const fields = Object.entries({ ...base, ...more });
  return new URLSearchParams(fields.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** The parameters with which a redirect comes back to the application. */
export function callback(answer: Answer): URLSearchParams {
  return new URL(String(answer.headers.location)).searchParams;
}

export function tokensIn(answer: Answer): { readonly access: string; readonly refresh: string } {
  return { access: field(answer, 'access_token'), refresh: field(answer, 'refresh_token') };
}
