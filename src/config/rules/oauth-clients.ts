import { DAY, formatDuration } from '../../model/index.ts';
import { providers } from '../../providers/index.ts';
import type { GrantPolicy } from '../../rotation/grants/situation.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import { CALLBACK_PATH, grantPolicy, oauthOf } from '../oauth-clients.ts';
import type { Draft } from '../parse.ts';
import { quote } from '../quote.ts';
import type { Parsed, ParsedOAuthClient } from '../schema/surface.ts';
import { find, placeOf, type Tree } from '../tree.ts';
import type { ProviderConfig } from '../types.ts';

/** Left before a refresh token ends, so that a provider that is down for days costs no grant; of a short one a sixth. */
const MARGIN = 15 * DAY;

/** Why something cannot stand at `path`. */
type Say = (path: KeyPath, verdict: Parameters<typeof faultAt>[2]) => Fault;

const sayingIn =
  (tree: Tree): Say =>
  (path, verdict) =>
    faultAt(placeOf(tree, path), path, verdict);

type Subject = {
  readonly name: string;
  readonly path: KeyPath;
  readonly client: ParsedOAuthClient;
  /** Null where it could not be read. */
  readonly provider: ProviderConfig | null;
};

function clientsOf({ parsed }: Draft): readonly Subject[] {
  return Object.entries(parsed.oauthClients ?? {}).map(([name, client]) => ({
    name,
    path: ['oauthClients', name],
    client,
    provider: parsed.providers?.[client.provider] ?? null,
  }));
}

/** OAuth clients that could never get a token, or would lose it, and credentials of providers that issue no keys. */
export function oauthClientFaults(draft: Draft): readonly Fault[] {
  const say = sayingIn(draft.tree);
  return [
    ...clientsOf(draft).flatMap((subject) => [
      ...providerFaults(say, subject),
      ...nameFaults(subject, draft),
      ...secretFaults(say, subject),
      ...scopeFaults(say, subject),
      ...durationFaults(say, subject),
    ]),
    ...keylessFaults(say, draft),
  ];
}

function providerFaults(say: Say, { path, provider }: Subject): readonly Fault[] {
  if (provider === null || oauthOf(provider) !== null) return [];
  const problem = `providers of kind ${provider.kind} issue no OAuth grants`;
  return [say([...path, 'provider'], { problem, hint: 'name a provider of kind frameflow or oauth2' })];
}

/** Alerts and routes name both alike. */
function nameFaults({ name, path }: Subject, { tree, parsed }: Draft): readonly Fault[] {
  if (!Object.hasOwn(parsed.credentials ?? {}, name)) return [];
  const problem = 'is the name of a credential too: an alert could not say which of the two it is about';
  return [faultAt(find(tree, path)?.keyPlace ?? tree.place, path, { problem, hint: 'rename one of them' })];
}

function secretFaults(say: Say, { path, client }: Subject): readonly Fault[] {
  const signs = client.authentication === 'private_key_jwt';
  const [wanted, other] = signs
    ? (['privateKey', 'clientSecret'] as const)
    : (['clientSecret', 'privateKey'] as const);
  const faults: Fault[] = [];
  if (client[wanted] === undefined) {
    const expected = 'a reference to a secret: { env: NAME } or { file: PATH }';
    const problem = `missing; expected ${expected} beside authentication: ${client.authentication}`;
    faults.push(say([...path, wanted], { problem, expected, found: 'nothing' }));
  }
  if (client[other] !== undefined) {
    const beside = signs
      ? 'stands beside client_secret_basic and client_secret_post only'
      : 'stands beside authentication: private_key_jwt only';
    faults.push(say([...path, other], { problem: beside, hint: `remove it; this client has ${wanted}` }));
  }
  return faults;
}

function scopeFaults(say: Say, { path, client: { scopes }, provider }: Subject): readonly Fault[] {
  return scopes.flatMap((scope, index) => {
    const at = [...path, 'scopes', index];
    if (scopes.indexOf(scope) < index)
      return [say(at, { problem: `${quote(scope)} stands in the list already` })];
    if (provider?.kind !== 'frameflow' || !scope.includes(',')) return [];
    return [
      say(at, { expected: 'one scope an entry: FrameFlow divides them by commas', found: quote(scope) }),
    ];
  });
}

function durationFaults(say: Say, { name, path, client, provider }: Subject): readonly Fault[] {
  if (provider === null || oauthOf(provider) === null) return [];
  const policy = grantPolicy(name, client, provider);
  const longest = policy.refreshLifetime - Math.min(MARGIN, policy.refreshLifetime / 6);
  const faults: Fault[] = [];
  if (policy.keepAlive > longest) {
    const expected = `a duration of at most ${formatDuration(longest)} (a refresh token ends after ${formatDuration(policy.refreshLifetime)}, and an outage must not reach its end)`;
    faults.push(
      say([...path, 'refresh', 'keepAlive'], { expected, found: formatDuration(policy.keepAlive) }),
    );
  }
  return [...faults, ...shorterThanKeepAlive(say, path, policy)];
}

function shorterThanKeepAlive(say: Say, path: KeyPath, policy: GrantPolicy): readonly Fault[] {
  const expected = `a duration shorter than refresh.keepAlive (${formatDuration(policy.keepAlive)})`;
  return ([['refresh', 'before'], ['refreshGrace']] as const).flatMap((key) => {
    const length = key[0] === 'refreshGrace' ? policy.refreshGrace : policy.before;
    if (length < policy.keepAlive) return [];
    return [say([...path, ...key], { expected, found: formatDuration(length) })];
  });
}

/** A credential is a key: a provider that only issues grants has none. */
function keylessFaults(say: Say, { parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.credentials ?? {}).flatMap(([name, credential]) => {
    const provider = parsed.providers?.[credential.provider];
    if (provider === undefined || providers[provider.kind].load !== null) return [];
    const problem = `providers of kind ${provider.kind} issue no keys, only OAuth grants`;
    return [say(['credentials', name, 'provider'], { problem, hint: 'write it under oauthClients' })];
  });
}

/** Callbacks that do not lead to Keywarden, and addresses that look like patterns. */
export function oauthClientWarnings(draft: Draft): readonly Fault[] {
  const say = sayingIn(draft.tree);
  const callbacks = callbacksOf(draft.parsed.api);
  return clientsOf(draft).flatMap(({ path, client }) => [
    ...(callbacks.includes(client.redirectUri) ? [] : [elsewhere(say, path, callbacks)]),
    ...(client.returnUrls ?? []).flatMap((address, index) =>
      address.includes('*')
        ? [
            say([...path, 'returnUrls', index], {
              problem: 'is compared to the letter: a * in it stands for itself',
            }),
          ]
        : [],
    ),
  ]);
}

function elsewhere(say: Say, path: KeyPath, [own]: readonly string[]): Fault {
  const problem = `is not Keywarden's own callback${own === undefined ? '' : ` (${own})`}: the application there has to finish each consent with …/authorizations/{id}/complete`;
  const hint = own === undefined ? 'or set api.publicUrl, and let it end in /oauth/callback' : null;
  return say([...path, 'redirectUri'], { problem, hint });
}

/** Where a browser reaches Keywarden's callback: by its public address, else on this machine. */
function callbacksOf(api: Parsed['api']): readonly string[] {
  if (api?.publicUrl !== undefined) return [api.publicUrl + CALLBACK_PATH];
  const { listen = { kind: 'tcp', host: '127.0.0.1', port: 7300 } as const, tls } = api ?? {};
  if (listen.kind === 'unix') return [];
  const scheme = tls === undefined ? 'http' : 'https';
  const hosts = [listen.host.includes(':') ? `[${listen.host}]` : listen.host, 'localhost'];
  return hosts.map((host) => `${scheme}://${host}:${listen.port}${CALLBACK_PATH}`);
}
