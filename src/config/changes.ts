import { isDeepStrictEqual } from 'node:util';
import { type Fault, faultAt, type KeyPath, keyPathText, type Place } from './fault.ts';
import type { Config } from './types.ts';

/** A configuration as it stands in its files, defaults and references left as they are. */
export type Written = {
  readonly values: unknown;
  /** Where the value at this path stands, or would. */
  readonly place: (path: KeyPath) => Place;
};

/** Mappings whose entries are parts of their own, by their way through the file; elsewhere a part is two names deep. */
const NAMED: readonly string[] = ['alerts.channels', 'api.tokens'];

/**
 * The names of what differs between two configurations, by name: entries of sections, single settings of the others.
 *
 * @example changedParts(before, after) // ['credentials.frameflow-prod', 'alerts.channels.team']
 */
export function changedParts(before: unknown, after: unknown): readonly string[] {
  return differences(before, after, []).map(keyPathText);
}

function differences(before: unknown, after: unknown, path: KeyPath): KeyPath[] {
  if (isDeepStrictEqual(before, after)) return [];
  const deep = path.length < 2 || NAMED.includes(path.join('.'));
  if (!deep || !(isMapping(before) || isMapping(after)) || path.length > 2) return [path];
  const [one, other] = [mappingOf(before), mappingOf(after)];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].toSorted();
  return names.flatMap((name) => differences(one[name], other[name], [...path, name]));
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {};
}

/** What holds for as long as the process lives, and where it stands in the file. */
const FIXED: ReadonlyArray<{
  readonly path: KeyPath;
  readonly of: (config: Config) => unknown;
  readonly because: string;
  readonly hint?: string;
}> = [
  {
    path: ['installation'],
    of: ({ installation }) => installation,
    because: 'every published version bears it',
    hint: 'put it back and reload: another installation leaves alone what this one has published',
  },
  {
    path: ['state'],
    of: ({ state }) => state.database,
    because: 'the state is open and locked',
  },
  {
    path: ['state', 'encryptionKeys'],
    of: ({ state }) => state.encryptionKeys.map(({ origin }) => origin),
    because: 'the state is sealed anew at the start only',
  },
  { path: ['api', 'listen'], of: ({ api }) => api.listen, because: 'clients hold connections to it' },
  { path: ['api', 'probes'], of: ({ api }) => api.probes, because: 'clients hold connections to it' },
  {
    path: ['api', 'tls'],
    of: ({ api }) => api.tls === null,
    because: 'the listener speaks TLS or does not from its first connection on',
  },
];

/** What of `after` cannot take the place of `before` without a restart, a fault each. */
export function fixedFaults(before: Config, after: Config, { place }: Written): readonly Fault[] {
  return FIXED.filter(({ of }) => !isDeepStrictEqual(of(before), of(after))).map(({ path, because, hint }) =>
    faultAt(place(path), path, {
      problem: `cannot change while Keywarden runs: ${because}`,
      hint: hint ?? 'put it back and reload, or restart Keywarden',
    }),
  );
}

/** Keys whose files are read when a connection or a listener is made, and not again. */
const READ_ONCE: readonly string[] = ['caFile', 'certFile', 'keyFile', 'database'];

/** The files beside the configuration that a reload reads anew: certificates and databases of countries. Absolute paths. */
export function filesReadOnce(config: Config): readonly string[] {
  const { state: _state, ...rest } = config;
  return [...new Set(filesIn(rest))].toSorted();
}

function filesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    typeof child === 'string' ? (READ_ONCE.includes(key) ? [child] : []) : filesIn(child),
  );
}
