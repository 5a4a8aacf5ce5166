import { join } from 'node:path';
import type { HookConfig } from '../hooks/contract.ts';
import { DAY } from '../model/index.ts';
import { defaultRoutes, detectorsOf, driftOf, groupOf, rotateOf } from './defaults.ts';
import { destinationId, fileTarget } from './destination.ts';
import { oauthClientOf } from './oauth-clients.ts';
import type { Draft } from './parse.ts';
import { absolutePath, type Directories } from './paths.ts';
import { rotationPolicy } from './policy.ts';
import type { Publication } from './publications.ts';
import { SCHEDULE } from './rules/schedule.ts';
import type { Parsed, ParsedMonitor } from './schema/surface.ts';
import type { Environment } from './secret-reader.ts';
import type {
  ApiConfig,
  Config,
  CredentialConfig,
  DestinationConfig,
  Listen,
  MonitorConfig,
  RouteConfig,
  TokenConfig,
} from './types.ts';

type Sources = { readonly draft: Draft; readonly directories: Directories; readonly env: Environment };

/** The configuration of a faultless file. `parsed` has its paths made absolute and its references bound already. */
export function buildConfig(parsed: Parsed, sources: Sources): Config {
  const config: Config = {
    installation: parsed.installation,
    state: stateOf(parsed, sources),
    schedule: {
      timezone: parsed.schedule?.timezone ?? SCHEDULE.timezone,
      reconcile: parsed.schedule?.reconcile ?? SCHEDULE.reconcile,
      pollLogs: parsed.schedule?.pollLogs ?? SCHEDULE.pollLogs,
    },
    network: { allow: parsed.network?.allow ?? [] },
    providers: named(parsed.providers, (provider) => provider),
    stores: named(parsed.stores, (store) => store),
    credentials: credentialsOf(parsed),
    oauthClients: oauthClientsOf(parsed),
    monitors: named(parsed.monitors, monitorOf),
    channels: named(parsed.alerts?.channels, (channel) => channel),
    routes: routesOf(parsed),
    group: groupOf(parsed),
    heartbeat: parsed.alerts?.heartbeat ?? null,
    runbookUrl: parsed.alerts?.runbookUrl ?? null,
    api: apiOf(parsed.api, sources),
    log: { level: parsed.log?.level ?? 'info', format: parsed.log?.format ?? 'json' },
  };
  return deepFreeze(config);
}

function stateOf({ state }: Parsed, { draft, directories, env }: Sources): Config['state'] {
  const [systemd] = (env.STATE_DIRECTORY ?? '').split(':');
  const directory = state.directory ?? (systemd || '/var/lib/keywarden');
  const own =
    typeof state.database === 'string' && state.database.startsWith('sqlite:') ? state.database : null;
  return {
    directory,
    database:
      own === null
        ? join(directory, 'keywarden.db')
        : absolutePath(draft.tree, ['state', 'database'], own.slice('sqlite:'.length), directories),
    encryptionKeys: state.encryptionKeys,
    retain: {
      rotations: state.retain?.rotations ?? 400 * DAY,
      alerts: state.retain?.alerts ?? 400 * DAY,
      ...(state.retain?.audit === undefined ? {} : { audit: state.retain.audit }),
    },
  };
}

function credentialsOf(parsed: Parsed): Config['credentials'] {
  return named(parsed.credentials, (credential, name): CredentialConfig => {
    const provider = parsed.providers?.[credential.provider];
    if (provider === undefined) throw new TypeError(`the provider of ${name} was never checked`);
    return {
      name,
      provider: credential.provider,
      keyId: credential.keyId ?? null,
      secret: credential.secret ?? null,
      rotation: rotationPolicy(credential, provider),
      drift: driftOf(credential.drift),
      destinations: (credential.publish ?? []).map((entry) => destinationOf(entry, name, parsed)),
    };
  });
}

function oauthClientsOf(parsed: Parsed): Config['oauthClients'] {
  return named(parsed.oauthClients, (client, name) => {
    const provider = parsed.providers?.[client.provider];
    if (provider === undefined) throw new TypeError(`the provider of ${name} was never checked`);
    return oauthClientOf(name, client, provider);
  });
}

function destinationOf(entry: Publication['entry'], name: string, parsed: Parsed): DestinationConfig {
  const { required, consumerLag, onChange, ...rest } = entry;
  const id = destinationId(entry, (file) => file, name);
  const shared = { id, required, consumerLag, onChange: hookOf(onChange) };
  if ('file' in rest)
    return { ...shared, store: 'file', target: fileTarget(rest, name, parsed.credentials ?? {}) };
  const { store, ...target } = rest;
  return { ...shared, store, target };
}

/** The kind is the key that the hook has in the file. */
export function hookOf(hook: Publication['entry']['onChange']): HookConfig | null {
  if (hook === undefined) return null;
  if ('exec' in hook) return { kind: 'exec', ...hook };
  return 'signal' in hook ? { kind: 'signal', ...hook } : { kind: 'http', ...hook };
}

export function monitorOf(monitor: ParsedMonitor, name: string): MonitorConfig {
  type Places = { geolocations?: readonly string[] | undefined; ipAllowlist?: readonly string[] | undefined };
  const places = (rules: Places) => ({
    geolocations: rules.geolocations ?? null,
    ipAllowlist: rules.ipAllowlist ?? null,
  });
  const { geolocations, ipAllowlist } = monitor;
  return {
    name,
    provider: monitor.provider,
    credential: monitor.credential,
    backfill: monitor.backfill,
    geoip: monitor.geoip ?? null,
    rules: {
      ...places({ geolocations: Array.isArray(geolocations) ? geolocations : undefined, ipAllowlist }),
      perCredential: named(monitor.perCredential, places),
      otherKeys: named(monitor.otherKeys, (key) => ({
        ...places(key),
        owner: key.owner,
        retired: key.retired,
      })),
      learn: learnOf(geolocations),
      detectors: detectorsOf(monitor.detectors),
      rotate: rotateOf(monitor.detectors),
    },
  };
}

/** How long countries are learnt, where they are not listed. */
function learnOf(geolocations: ParsedMonitor['geolocations']): number | null {
  return geolocations === undefined || Array.isArray(geolocations) ? null : geolocations.learn;
}

function routesOf({ alerts }: Parsed): readonly RouteConfig[] {
  const routes = alerts?.routes ?? [];
  if (routes.length === 0) return defaultRoutes(alerts?.channels ?? {});
  return routes.map(({ match, channels, continue: goesOn, escalate }) => ({
    severity: match?.severity ?? [],
    kind: match?.kind ?? [],
    credential: match?.credential ?? [],
    channels,
    continue: goesOn,
    escalate: escalate ?? null,
  }));
}

export function apiOf(
  api: Parsed['api'],
  { draft, directories }: Pick<Sources, 'draft' | 'directories'>,
): ApiConfig {
  const listener = (address: NonNullable<Parsed['api']>['listen'], at: readonly string[]): Listen | null => {
    if (address === undefined || address.kind === 'tcp') return address ?? null;
    const path = absolutePath(draft.tree, at, address.path, directories);
    return { kind: 'unix', path, mode: api?.mode ?? 0o600, gid: api?.gid ?? null };
  };
  return {
    listen: listener(api?.listen, ['api', 'listen']) ?? { kind: 'tcp', host: '127.0.0.1', port: 7300 },
    tls: api?.tls ?? null,
    behindTlsProxy: api?.behindTlsProxy ?? false,
    publicUrl: api?.publicUrl ?? null,
    probes: listener(api?.probes?.listen, ['api', 'probes', 'listen']),
    tokens: Object.entries(api?.tokens ?? {}).map(
      ([name, token]): TokenConfig => ({
        name,
        role: token.role,
        secrets: [token.secret].flat(),
        credentials: token.credentials ?? [],
        oauthClients: token.oauthClients ?? [],
      }),
    ),
  };
}

/** The entries of a section by name, without a prototype: a name such as `constructor` finds nothing. */
export function named<From, To>(
  section: Readonly<Record<string, From>> | undefined,
  make: (entry: From, name: string) => To,
): Readonly<Record<string, To>> {
  const made: Record<string, To> = Object.create(null);
  for (const [name, entry] of Object.entries(section ?? {})) made[name] = make(entry, name);
  return made;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
