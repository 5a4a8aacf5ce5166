import { createHash, randomUUID } from 'node:crypto';
import type { Config } from '../../config/types.ts';
import { type Clock, HOUR, type Log, type Raise, SECOND, SecretSource } from '../../model/index.ts';
import { rules } from '../../rotation/index.ts';
import type { State } from '../../state/contract.ts';
import { Counters } from '../../telemetry/counters.ts';
import type { EngineContext, Plugins } from '../context.ts';

/** A log that nobody reads. */
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** Without a key, and without spreading anything. */
export const plainHash: EngineContext['hash'] = {
  fingerprint: () => '',
  digest: (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
  unit: () => 0,
};

/** No mint happens here. */
const emptySpool: EngineContext['spool'] = {
  async reserve() {},
  async save() {},
  load: async () => [],
  async clear() {},
};

/** A clock that shows what the test says, and whose timers never fire. */
export function clockAt(now: () => number): Clock {
  return { now, monotonic: now, steady: now, after: () => () => {} };
}

/** A critical alert about a clock, but for what is given. */
export function raiseOf(fields: Partial<Raise> & Pick<Raise, 'at' | 'title'>): Raise {
  return {
    type: 'raise',
    kind: 'clock-skew',
    condition: '',
    severity: 'critical',
    summary: '',
    action: null,
    deadline: null,
    evidence: {},
    ...fields,
  };
}

/** A configuration of nothing but what is given. */
export function emptyConfig(given: Partial<Config> = {}): Config {
  return {
    installation: { name: 'footage', environment: 'production' },
    state: { directory: '/', database: '/', encryptionKeys: [], retain: { rotations: 0, alerts: 0 } },
    schedule: { timezone: 'UTC', reconcile: '* * * * *', pollLogs: '* * * * *' },
    network: { allow: [] },
    providers: {},
    stores: {},
    credentials: {},
    oauthClients: {},
    monitors: {},
    channels: {},
    routes: [],
    group: { wait: 10 * SECOND, repeat: 4 * HOUR },
    heartbeat: null,
    runbookUrl: null,
    api: {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      tls: null,
      behindTlsProxy: false,
      publicUrl: null,
      probes: null,
      tokens: [],
    },
    log: { level: 'silent', format: 'json' },
    ...given,
  };
}

/** A channel that takes one alert at a time. */
export const PAGERDUTY = {
  kind: 'pagerduty' as const,
  routingKey: new SecretSource({ env: 'KEY' }),
  eventsUrl: 'https://events',
  timeout: 5 * SECOND,
  allowPlaintextLoopback: true,
};

/** Everything goes to these channels. */
export function routesTo(...channels: readonly string[]): Config['routes'] {
  return [{ severity: [], kind: [], credential: [], channels, continue: false, escalate: null }];
}

type Given = Partial<Omit<EngineContext, 'state' | 'config' | 'clock' | 'plugins'>> & {
  readonly state: State;
  readonly clock: Clock;
  readonly config?: Partial<Config>;
  readonly plugins?: Partial<Plugins>;
};

/**
 * What an engine works with that has no plug-ins, tells its log to nobody, and mints nothing, but for what is given.
 *
 * @example contextOf({ state, clock: clockAt(() => now), plugins: { stores: new Map([['shelf', shelf]]) } })
 */
export function contextOf({ config, plugins, ...given }: Given): EngineContext {
  return {
    config: emptyConfig(config),
    plugins: {
      clients: new Map(),
      providers: new Map(),
      stores: new Map(),
      channels: new Map(),
      hooks: new Map(),
      countries: new Map(),
      async close() {},
      ...plugins,
    },
    spool: emptySpool,
    rules,
    claimFor: HOUR,
    hash: plainHash,
    log: quiet,
    counters: new Counters(),
    newId: randomUUID,
    ...given,
  };
}
