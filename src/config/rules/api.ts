import { isDeepStrictEqual } from 'node:util';
import type { SecretSource } from '../../model/index.ts';
import { type Fault, faultAt, type KeyPath, type Place } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { isLoopback } from '../places.ts';
import type { Parsed } from '../schema/surface.ts';
import { find, placeOf } from '../tree.ts';

type Api = NonNullable<Parsed['api']>;

/** Listeners that would show secrets to a network, and tokens that say something else than they do. */
export function apiFaults(draft: Draft): readonly Fault[] {
  const api = draft.parsed.api;
  return [
    ...(api === undefined ? [] : [...listenFaults(draft, api), ...tokenFaults(draft, api)]),
    ...keyFaults(draft),
  ];
}

function listenFaults({ tree }: Draft, api: Api): readonly Fault[] {
  const faults: Fault[] = [];
  const { listen } = api;
  if (listen?.kind === 'tcp' && !isLoopback(listen.host) && api.tls === undefined && !api.behindTlsProxy) {
    faults.push(
      faultAt(placeOf(tree, ['api', 'listen']), ['api', 'listen'], {
        problem: 'listens elsewhere than on loopback without TLS',
        hint: 'set tls: { certFile, keyFile }, or behindTlsProxy: true where a proxy in front of it does TLS',
      }),
    );
  }
  for (const key of ['mode', 'gid'] as const) {
    if (api[key] === undefined || listen?.kind === 'unix') continue;
    const problem = 'stands beside listen: unix:PATH only';
    faults.push(faultAt(placeOf(tree, ['api', key]), ['api', key], { problem }));
  }
  const probes = api.probes?.listen;
  const sharesPort = probes?.kind !== 'tcp' || probes.port !== 0;
  if (probes !== undefined && listen !== undefined && sharesPort && isDeepStrictEqual(probes, listen)) {
    const path = ['api', 'probes', 'listen'];
    faults.push(faultAt(placeOf(tree, path), path, { problem: 'is the address of api.listen already' }));
  }
  return faults;
}

function tokenFaults({ tree }: Draft, { tokens = {} }: Api): readonly Fault[] {
  const faults: Fault[] = [];
  const seen: Array<{ readonly name: string; readonly source: SecretSource }> = [];
  for (const [name, token] of Object.entries(tokens)) {
    const path = ['api', 'tokens', name];
    for (const key of ['credentials', 'oauthClients'] as const) {
      if (token.role === 'app' || token[key] === undefined) continue;
      const problem = `stands beside role: app only; ${token.role} is not bound to single ones`;
      faults.push(faultAt(placeOf(tree, [...path, key]), [...path, key], { problem }));
    }
    for (const source of [token.secret].flat()) {
      const other = seen.find((each) => isDeepStrictEqual(each.source.origin, source.origin));
      if (other !== undefined) faults.push(sameSecret(placeOf(tree, [...path, 'secret']), path, other.name));
      seen.push({ name, source });
    }
  }
  return faults;
}

function sameSecret(place: Place, path: KeyPath, other: string): Fault {
  const problem = `has the secret of the token ${other}: the audit log could not say who it was`;
  return faultAt(place, [...path, 'secret'], { problem, hint: 'give each token a secret of its own' });
}

/** A master key that stands in the list twice: its rotation would not be one. */
function keyFaults({ tree, parsed }: Draft): readonly Fault[] {
  const keys = parsed.state?.encryptionKeys ?? [];
  return keys.flatMap((key, index) => {
    const first = keys.findIndex((other) => isDeepStrictEqual(other.origin, key.origin));
    const path = ['state', 'encryptionKeys', index];
    if (first === index || find(tree, path) === undefined) return [];
    return [faultAt(placeOf(tree, path), path, { problem: `is the same as state.encryptionKeys[${first}]` })];
  });
}

/** An app that may read nothing. */
export function apiWarnings({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.api?.tokens ?? {}).flatMap(([name, token]) => {
    if (token.role !== 'app' || (token.credentials?.length ?? 0) + (token.oauthClients?.length ?? 0) > 0)
      return [];
    const path = ['api', 'tokens', name];
    const problem = 'names no credentials: an app with this token can read nothing';
    return [faultAt(find(tree, path)?.keyPlace ?? tree.place, [...path, 'credentials'], { problem })];
  });
}
