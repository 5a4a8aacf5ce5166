import { z } from 'zod';

/** An application as it is registered at FrameFlow. Redirect URIs are compared letter by letter. */
const client = z.strictObject({
  clientId: z.string().min(1).max(256),
  secret: z.string().min(1),
  redirectUris: z
    .array(z.url().refine((uri) => !uri.includes('#'), 'a redirect URI has no fragment (RFC 6749, 3.1.2)'))
    .min(1),
});

export type RegisteredClient = z.output<typeof client>;

const span = z.int().min(0);

const oauth = z.strictObject({
  /** All that are registered from now on; grants of others are refused with `invalid_client`. */
  clients: z.array(client),
  /** `page`: a person approves or denies. `automatic`: the server approves by itself. */
  consent: z.enum(['page', 'automatic']),
  /** What is granted whatever was asked for; null: what was asked for. */
  grantedScopes: z.array(z.string().min(1)).min(1).nullable(),
  /** What divides the scopes in an answer. Both are read. */
  scopeDelimiter: z.enum(['space', 'comma']),
  codeLifetimeMs: span.min(1),
  accessLifetimeMs: span.min(1_000),
  /** How long the API still takes an access token that has ended: servers allow for clocks that differ. */
  accessLeewayMs: span,
  refreshLifetimeMs: span.min(1_000),
  /** Whether each refresh gives a new refresh token and voids the old one. */
  rotation: z.boolean(),
  /** How long a voided refresh token is taken again. */
  refreshGraceMs: span,
  /** Whether a new refresh token has a life of its own; false: it ends with the first. */
  sliding: z.boolean(),
});

/** How FrameFlow's authorization server treats its clients. */
export type OAuthSettings = z.output<typeof oauth>;

/** What can be changed of it while the sandbox runs. */
export const oauthChange = oauth.partial();

/** A field that is absent stays as it is. */
export type OAuthChange = z.input<typeof oauthChange>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** By the contract: a code for a minute, access for an hour, a refresh token for 90 days and once. */
export const OAUTH_DEFAULTS: OAuthSettings = {
  clients: [],
  consent: 'page',
  grantedScopes: null,
  scopeDelimiter: 'space',
  codeLifetimeMs: MINUTE,
  accessLifetimeMs: HOUR,
  accessLeewayMs: 0,
  refreshLifetimeMs: 90 * 24 * HOUR,
  rotation: true,
  refreshGraceMs: 0,
  sliding: true,
};

/** `settings` with what `change` names. */
export function changed(settings: OAuthSettings, change: OAuthChange): OAuthSettings {
  const named = Object.entries(oauthChange.parse(change)).filter(([, value]) => value !== undefined);
  return { ...settings, ...Object.fromEntries(named) };
}
