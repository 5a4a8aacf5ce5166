import { type Import, isTestCode, roomOf, type Source } from './source.ts';

/*
 * Who may import whom. The rooms are DESIGN's: main → shells → edges → pure rooms → model.
 */

const PURE = ['model', 'rotation', 'detectors', 'alerting'];
const PLUGINS = ['providers', 'stores', 'channels', 'hooks'];
const MEANS = ['net', 'files', 'telemetry', 'state', 'geo'];
const ENGINE = [...PURE, ...PLUGINS, ...MEANS, 'config'];
const SHELLS = [...ENGINE, 'engine', 'api', 'agent'];

/** Each room and the rooms it may import. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  rotation: ['model'],
  detectors: ['model'],
  alerting: ['model'],
  providers: PURE,
  stores: PURE,
  channels: PURE,
  hooks: PURE,
  net: ['model'],
  files: ['model'],
  telemetry: ['model'],
  state: ['model'],
  // The form of its answers and the reading of addresses are the detectors'.
  geo: ['model', 'detectors'],
  config: [...PURE, ...PLUGINS],
  engine: ENGINE,
  api: [...ENGINE, 'engine'],
  // Its local API is the daemon's without the engine.
  agent: [...ENGINE, 'api'],
  cli: [...SHELLS, 'demo', 'sandbox'],
  demo: [...SHELLS, 'cli', 'sandbox'],
  sandbox: [],
  main: ['cli'],
};

/** Each vendor's package and the only places that may name it. */
export const VENDORS: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-secrets-manager': ['src/stores/aws-secrets-manager/'],
  '@aws-sdk/credential-providers': ['src/stores/aws-secrets-manager/'],
  '@pagerduty/pdjs': ['src/channels/pagerduty/'],
  '@slack/webhook': ['src/channels/slack/'],
  commander: ['src/cli/'],
  'fastest-levenshtein': ['src/model/nearest.ts'],
  kysely: ['src/state/'],
  'mmdb-lib': ['src/geo/'],
  'node-cron': ['src/engine/schedule.ts', 'src/config/rules/schedule.ts'],
  'node-vault': ['src/stores/vault/'],
  'node:sqlite': ['src/state/sqlite/'],
  oauth4webapi: ['src/providers/oauth2/'],
  pino: ['src/telemetry/log.ts'],
  'prom-client': ['src/telemetry/metrics.ts'],
  undici: ['src/net/'],
  yaml: ['src/config/', 'src/cli/', 'src/stores/kubernetes/'],
};

/** Imports that break a rule, each as a line to read. */
export function importBreaches(source: Source): string[] {
  const room = roomOf(source.path);
  if (room === null) return [];
  const rules = isTestCode(source.path) ? [testDirection] : [direction, surface, loading, vendors];
  return source.imports.flatMap((each) =>
    rules.flatMap((rule) => {
      const breach = rule(source.path, room, each);
      return breach === null ? [] : [`${source.path}:${each.line} imports ${each.specifier}: ${breach}`];
    }),
  );
}

type Rule = (path: string, room: string, each: Import) => string | null;

const direction: Rule = (_path, room, { target }) => {
  if (target === null) return null;
  const other = roomOf(target);
  if (other === null) return 'the product imports nothing outside src';
  if (isTestCode(target)) return 'the product imports no test code';
  if (other === room || ROOMS[room]?.includes(other)) return null;
  return `${room} may not import ${other}`;
};

/** Tests may use the real means of a plug-in, the stand-ins, and other rooms' test code. */
const testDirection: Rule = (_path, room, { target }) => {
  const other = target === null ? room : roomOf(target);
  const may = [room, 'net', 'files', 'sandbox', ...(ROOMS[room] ?? [])];
  if (target === null || other === null || may.includes(other) || isTestCode(target)) return null;
  return `tests of ${room} may not import ${other}`;
};

/** The part of a room that others may see. */
const surface: Rule = (_path, room, { target, kind }) => {
  const other = target === null ? room : roomOf(target);
  if (target === null || other === room) return null;
  const file = target.split('/').at(-1) ?? '';
  if (other === 'model' && !/^src\/model\/(?:index|fields|nearest)\.ts$/.test(target)) {
    return 'import from model/index.ts';
  }
  if (room === 'config' && PLUGINS.includes(other ?? '')) {
    const light = file === 'schema.ts' || file === 'index.ts' || kind === 'type';
    if (!light) return "the configuration may import a plug-in's schema and its room's index";
  }
  return null;
};

/** What costs memory or start-up time is loaded where it is configured. */
const loading: Rule = (path, room, { target, specifier, kind }) => {
  if (target?.endsWith('/adapter.ts') && kind === 'value') return 'an adapter is loaded with import()';
  const http = specifier === 'node:http' || specifier === 'node:https';
  if (http && kind !== 'type' && room !== 'sandbox') {
    return "it costs 16 MB; use process.getBuiltinModule('node:http')";
  }
  const pure = PURE.includes(room) && specifier.startsWith('node:');
  return pure ? `${path.split('/')[1]} is pure and imports no part of Node` : null;
};

const vendors: Rule = (path, _room, { specifier }) => {
  const places = VENDORS[specifier];
  if (places === undefined || places.some((place) => path.startsWith(place))) return null;
  return `only ${places.join(' and ')} may name this package`;
};

/** Files that import one another in a circle, each circle as a line. Imports of types alone count too. */
export function importCycles(sources: readonly Source[]): string[] {
  const graph = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.flatMap(({ target, kind }) => (target === null || kind === 'lazy' ? [] : [target])),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push([...trail.slice(at), path].join(' → '));
    if (at >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
