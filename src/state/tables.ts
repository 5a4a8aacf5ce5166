import type { Generated } from 'kysely';
import type {
  AuthorizationState,
  CredentialRecord,
  Destination,
  GrantState,
  Rotation,
  RotationStep,
  Version,
  WorkKind,
} from '../model/index.ts';
import type { AlertTable, DeliveryTable, SilenceTable } from './alert-tables.ts';

/*
 * The tables as every dialect gives them: times are integer milliseconds, booleans 0 or 1, nested records JSON text.
 */

/** Single facts of the database itself, `schema` (its version) among them. */
type MetaTable = { key: string; value: string };

/** Numbers that only rise. */
type CounterTable = { name: string; value: number };

/** Every sealed value, wherever it belongs: `place` and `id` name the column and the row it stands for. */
export type SealedTable = {
  place: string;
  id: string;
  /** 0 but in the journal, which keeps several answers of one rotation: it rises with each. */
  sequence: number;
  key_id: string;
  box: string;
  stored_at: number;
};

export type CredentialTable = {
  name: string;
  provider: string;
  state: CredentialRecord['state'];
  first_seen_at: number;
  last_error: string | null;
  attempts: number;
  retry_at: number | null;
  pause: string | null;
  recovery_id: string | null;
  uncertain: string;
  /** Rises with every change; see `credential.expect`. */
  revision: Generated<number>;
};

export type VersionTable = {
  id: string;
  credential: string;
  number: number;
  key_id: string | null;
  state: Version['state'];
  origin: Version['origin'];
  fingerprint: string | null;
  created_at: number;
  expires_at: number | null;
  compromised_at: number | null;
  accepted_at: number | null;
  probed_at: number | null;
};

export type DestinationTable = {
  credential: string;
  id: string;
  state: Destination['state'];
  version_id: string | null;
  published_at: number | null;
  checked_at: number | null;
  hook: string | null;
  attempts: number;
  looks: number;
  last_error: string | null;
};

/** What a rotation occupies of its credential; unique per credential, null once it has ended. */
export type Slot = 'open' | 'queued';

export type RotationTable = {
  id: string;
  credential: string;
  trigger_kind: Rotation['trigger'];
  reason: string | null;
  actor: string;
  request_key: string | null;
  state: Rotation['state'];
  queued: number;
  slot: Slot | null;
  terms: string | null;
  previous_version_id: string | null;
  new_version_id: string | null;
  signer_version_id: string | null;
  intent: string | null;
  mints: number;
  rollback: string | null;
  preflighted_at: number | null;
  attempts: number;
  retry_at: number | null;
  accepted: number;
  minted_at: number | null;
  answered_at: number | null;
  overlap_ends_at: number | null;
  started_at: number;
  ended_at: number | null;
  last_error: string | null;
};

export type StepTable = {
  rotation_id: string;
  name: RotationStep['name'];
  destination: string;
  state: RotationStep['state'];
  attempts: number;
  started_at: number | null;
  ended_at: number | null;
  error: string | null;
};

export type MonitorTable = {
  name: string;
  cursor: string | null;
  last_event_at: number | null;
  polled_at: number | null;
  attempts: number;
  skipped: number;
  detectors: string | null;
};

/** What the watch of a monitor remembers. */
export type WatchPartTable = {
  monitor: string;
  name: string;
  body: string;
  /** Of a key: the day (UTC, counted from 1970) on which it was last written, so that it goes when nobody uses it; else null. */
  seen_on: number | null;
};

/** A million of them at most: what every row bears counts. */
export type GrantTable = {
  client: string;
  subject: string;
  state: GrantState;
  reason: string | null;
  generation: number;
  /** Divided by spaces, which no scope bears (RFC 6749, 3.3). */
  scopes: string;
  consented_at: number;
  renewed_at: number;
  refresh_expires_at: number | null;
  access_sent_at: number | null;
  access_expires_at: number | null;
  used_at: number | null;
  attempt: string | null;
  access_generation: number;
  rejected_generation: number | null;
  attempts: number;
  retry_at: number | null;
  last_error: string | null;
  /** See `grant.expect`. */
  revision: number;
  /** What sealed `box`, in which both tokens are. */
  key_id: string;
  box: string;
  /** Null: it has no further work. */
  due_at: number | null;
  /** Its place in GRANT_LANES. */
  lane: number;
};

/** The grants that somebody holds, and no others: beside their own rows, which then need not be written for it. */
export type GrantClaimTable = {
  client: string;
  subject: string;
  fence: number;
  owner: string;
  until: number;
  /** What wake-ups during the claim asked for. */
  woken_at: number | null;
  woken_lane: number | null;
};

/** How many grants there are, and by which key their tokens are sealed: counting a million takes too long. */
export type GrantCountTable = { client: string; state: GrantState; key_id: string; count: number };

export type NarrowTokenTable = {
  client: string;
  subject: string;
  scope: string;
  /** What was given, divided by spaces. */
  granted: string;
  sent_at: number;
  expires_at: number;
  generation: number;
  key_id: string;
  box: string;
};

export type ClientTable = {
  client: string;
  pause: string | null;
  refused_at: string;
  failures: number;
  faults: string;
  slides: number | null;
  looked_at: number | null;
  /** See `client.expect`. */
  revision: Generated<number>;
};

export type AuthorizationTable = {
  id: string;
  client: string;
  subject: string;
  state: AuthorizationState;
  state_digest: string;
  scopes: string;
  return_url: string | null;
  actor: string;
  created_at: number;
  expires_at: number;
  sent_at: number | null;
  error: string | null;
};

/** When a provider last accepted a key. */
export type KeyUseTable = {
  key_id: string;
  last_used_at: number;
};

/** Mints that a log showed; one that is settled stays, so that the same event is not taken up anew. */
export type MintTable = {
  id: string;
  credential: string;
  signer_key_id: string;
  minted_key_id: string;
  at: number;
  ip: string;
  user_agent: string | null;
  settled: number;
};

export type KeyUserTable = {
  key_id: string;
  ip: string;
  /** Empty where the log names none: it is part of the key. */
  user_agent: string;
  calls: number;
  first_seen_at: number;
  last_seen_at: number;
};

/** Only ever appended to; `number` has no gaps unless somebody made them. */
export type AuditTable = {
  number: number;
  at: number;
  actor: string;
  action: string;
  credential: string | null;
  detail: string;
  /** Follows from the entry before it; see `AuditKey`. */
  hash: string;
};

/** Where the audit log begins and ends; `seal` proves that it was us who said so. */
type AuditChainTable = { name: 'anchor' | 'head'; number: number; hash: string; seal: string };

type WorkTable = {
  kind: WorkKind;
  id: string;
  lane: string;
  due_at: number;
  wakes: number;
  /** The earliest time that a wake-up during the present claim asked for. */
  woken_at: number | null;
  fence: number;
  /** Null together with `claimed_until`: nobody holds it. */
  owner: string | null;
  claimed_until: number | null;
};

export type Tables = {
  meta: MetaTable;
  counters: CounterTable;
  sealed: SealedTable;
  credentials: CredentialTable;
  versions: VersionTable;
  destinations: DestinationTable;
  rotations: RotationTable;
  steps: StepTable;
  monitors: MonitorTable;
  watch_parts: WatchPartTable;
  key_uses: KeyUseTable;
  mints: MintTable;
  key_users: KeyUserTable;
  grants: GrantTable;
  grant_claims: GrantClaimTable;
  grant_counts: GrantCountTable;
  narrow_tokens: NarrowTokenTable;
  clients: ClientTable;
  authorizations: AuthorizationTable;
  alerts: AlertTable;
  deliveries: DeliveryTable;
  silences: SilenceTable;
  audit: AuditTable;
  audit_chain: AuditChainTable;
  work: WorkTable;
};
