import type { Channel } from '../channels/contract.ts';
import type { Config } from '../config/types.ts';
import type { CountryDatabase } from '../geo/index.ts';
import type { Hook } from '../hooks/contract.ts';
import type { Clock, Hash, Log, Net } from '../model/index.ts';
import type { OAuthClient, Provider } from '../providers/contract.ts';
import type { Rules } from '../rotation/index.ts';
import type { AuditHead } from '../state/audit-head.ts';
import type { State } from '../state/contract.ts';
import type { Spool } from '../state/spool.ts';
import type { Store } from '../stores/contract.ts';
import type { Counters } from '../telemetry/counters.ts';

/** The plug-ins of one configuration, by their names in it. */
export type Plugins = {
  /** Those that issue keys. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** By the names that the OAuth clients have in the configuration. */
  readonly clients: ReadonlyMap<string, OAuthClient>;
  /** `file` included. Each is asked only for targets of its own kind, which the configuration has checked. */
  readonly stores: ReadonlyMap<string, Store<unknown>>;
  readonly channels: ReadonlyMap<string, Channel>;
  /** By the id of the publication that they follow. */
  readonly hooks: ReadonlyMap<string, Hook>;
  /** The country databases, by the monitors that look addresses up in them. */
  readonly countries: ReadonlyMap<string, CountryDatabase>;
  /** The way to whoever waits for the heartbeat, where one is configured. */
  readonly heartbeat?: Net;
  close(): Promise<void>;
};

/** What every part of the engine works with. */
export type EngineContext = {
  readonly config: Config;
  readonly state: State;
  readonly spool: Spool;
  /** Where the end of the audit log is kept beside the state; absent: a restart forgets it. */
  readonly auditHead?: AuditHead;
  /** What decides; the simulation plants its bugs here. */
  readonly rules: Rules;
  /** How long a claim holds, ms: on SQLite until its process ends, where several share a state for 90 s to a day. */
  readonly claimFor: number;
  readonly plugins: Plugins;
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
  readonly counters: Counters;
  /** A fresh UUID. */
  readonly newId: () => string;
};

/** A plug-in that the configuration names; the configuration's checks make sure that it is there. */
export function named<T>(plugins: ReadonlyMap<string, T>, name: string): T {
  const plugin = plugins.get(name);
  if (plugin === undefined) throw new TypeError(`nothing is configured under the name ${name}`);
  return plugin;
}
