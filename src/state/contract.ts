import type {
  Alert,
  AlertKind,
  AlertSubject,
  AuditEntry,
  Authorization,
  AuthorizationSecrets,
  Change,
  Claim,
  ClientRecord,
  CredentialSnapshot,
  Delivery,
  Grant,
  GrantLane,
  GrantState,
  HeldGrant,
  KeyUser,
  MonitorRecord,
  NarrowToken,
  Rotation,
  RotationStep,
  Secret,
  Silence,
  WatchPart,
  WorkKind,
} from '../model/index.ts';
import { KeywardenError } from '../model/index.ts';

export type StateErrorCode =
  /** the database was made by a newer version of Keywarden */
  | 'state_newer'
  /** another process holds it */
  | 'state_locked'
  | 'state_corrupt'
  | 'state_full'
  /** the file was deleted or replaced while it was open */
  | 'state_replaced'
  /** the directory or file cannot be made, read or written */
  | 'state_unwritable'
  /** the file is readable, or its directory writable, by other users */
  | 'state_exposed'
  /** no configured key opens what is sealed */
  | 'wrong_key'
  /** the claim was taken over; nothing was written */
  | 'claim_lost'
  /** somebody else wrote first (an alert's revision, a second open rotation); nothing was written */
  | 'conflict'
  /** a credential is not as it was read (`credential.expect`); nothing was written */
  | 'stale'
  /** a page's cursor is none that we gave out */
  | 'bad_cursor';

/**
 * What the state throws. `claim_lost`, `conflict` and `stale` are ordinary outcomes, `bad_cursor` is a caller's bad input;
 * the rest needs a person.
 */
export class StateError extends KeywardenError {
  declare readonly code: StateErrorCode;

  constructor(code: StateErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** One page of a list; `nextCursor` asks for the next and is null on the last. */
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };
/** `limit`: 100 where it is not given, at most 1000. Reading a page throws {@link StateError} `bad_cursor`. */
export type PageQuery = { readonly cursor?: string | null; readonly limit?: number };

/**
 * A release of a claim together with a commit: when the record is next due; null: it has no further work and goes. A grant
 * stays, and is due again once it is woken or put with a due time.
 */
export type Hold = {
  readonly claim: Claim;
  readonly next: number | null;
  /** Of a grant: what it is due for next; absent: as before. */
  readonly lane?: GrantLane;
};

/** Times before which what is over is deleted, integer ms. */
export type Retention = {
  readonly rotations: number;
  readonly alerts: number;
  /** Of what a log showed (mints, users of keys); 30 days ago where it is not given. */
  readonly log?: number;
  /** Of the audit log's entries; all are kept where it is not given. */
  readonly audit?: number;
};

/** An entry as it stands in the audit log: the first has the number 1, `hash` chains it to the one before it. */
export type AuditRecord = AuditEntry & { readonly number: number; readonly hash: string };

/** What entries of the audit log are looked for by. */
export type AuditQuery = PageQuery & {
  readonly actor?: string;
  readonly credential?: string;
  readonly action?: string;
  /** Entries at this time or later, ms. */
  readonly since?: number;
  /** Entries before this time, ms. */
  readonly until?: number;
  /** Absent: newest first. */
  readonly order?: 'oldest';
};

/** The last entry that was compared; `at` is null where there is none yet. */
export type AuditMark = { readonly number: number; readonly hash: string; readonly at: number | null };

/** A break in the chain of the audit log. */
export type AuditFault = {
  /**
   * `changed`: not as it was written, or not in its place; `missing`: removed; `inserted`: not written by us; `begin`, `end`: what
   * says where the log begins or ends is gone or was changed; `replaced`: the chain shows nothing, and yet it is not what a former look
   * has found: an older end of the log was put back; `unreadable`: what a former process has kept of what it found cannot be read.
   */
  readonly what: 'changed' | 'missing' | 'inserted' | 'begin' | 'end' | 'replaced' | 'unreadable';
  /** The entries that it is about, both included. */
  readonly first: number;
  readonly last: number;
  /** The time that the entry bears; null where it is gone. */
  readonly at: number | null;
  /** The entry before it; null where there is none. */
  readonly after: { readonly number: number; readonly at: number } | null;
};

/** What came of comparing some entries; `mark` is where to go on, unless the log has `ended`. */
export type AuditSlice = {
  readonly checked: number;
  readonly faults: readonly AuditFault[];
  readonly mark: AuditMark;
  readonly ended: boolean;
};

/** What is owed to one channel. */
export type Outbox = {
  /** Pending, due, and held by nobody; the first rank first, of each the longest due, a thousand at most. */
  readonly due: readonly Delivery[];
  /** Theirs. */
  readonly alerts: readonly Alert[];
  /** All of these alerts on this channel, oldest first. */
  readonly deliveries: readonly Delivery[];
};

/** Since when, exclusively: what was sent, which groups were told, and what was tried last. */
export type SentQuery = { readonly since: number; readonly toldSince: number; readonly triedSince: number };

/** What one channel was sent of late, for whoever has to keep its pace over a restart. */
export type Sent = {
  /** When, ascending, and how many deliveries then; an attempt that failed counts. */
  readonly times: ReadonlyArray<{ readonly at: number; readonly count: number }>;
  /** What was delivered about and when last, ascending; the latest thousand. */
  readonly told: ReadonlyArray<{
    readonly at: number;
    readonly about: AlertSubject & Pick<Alert, 'kind' | 'severity'>;
  }>;
  /** Of those that are still pending, the one that was tried last. */
  readonly tried: Delivery | null;
};

/** A due record as it stands in the table. */
export type Scheduled = {
  readonly id: string;
  readonly dueAt: number;
  /** Until when somebody holds it; null: nobody does. */
  readonly claimedUntil: number | null;
};

/** A record that somebody holds, and until when. */
export type Claimed = { readonly kind: WorkKind; readonly id: string; readonly until: number };

const GRANTS = 'grants:';

/** The lane in which the grants of a client are claimed. */
export const grantsLane = (client: string): string => `${GRANTS}${client}`;

/** The client whose grants are claimed in this lane; null for a lane of anything else. */
export const clientOfLane = (lane: string): string | null =>
  lane.startsWith(GRANTS) ? lane.slice(GRANTS.length) : null;

/**
 * The id of a grant's claim: client and subject.
 *
 * @example grantId('footage-app', 'user-1') // '["footage-app","user-1"]'
 */
export const grantId = (client: string, subject: string): string => JSON.stringify([client, subject]);

/**
 * Everything Keywarden remembers, behind one asynchronous interface.
 * Reads see every commit that was acknowledged before them.
 */
export type State = {
  /**
   * Takes up to `limit` due and unclaimed records of a lane, the longest due first, and holds them until `until`.
   * A claim that ran out counts as unclaimed. The lane {@link grantsLane} of a client has its grants, by their own lanes'
   * order first; a channel's has its messages by their ranks first.
   */
  claim(
    lane: string,
    query: { readonly now: number; readonly until: number; readonly limit: number },
  ): Promise<readonly Claim[]>;
  /** For each of these lanes that has any, the earliest time at which a record of it can be claimed. */
  nextDue(lanes: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** How many records are due, by kind; of a client's grants at most 100,000 in each lane. */
  due(now: number): Promise<Readonly<Record<WorkKind, number>>>;
  /** All records of a kind, by id; of grants none. */
  scheduled(kind: WorkKind): Promise<readonly Scheduled[]>;
  /** The records of every kind that somebody holds until later than `at`. */
  claimedBeyond(at: number): Promise<readonly Claimed[]>;

  /**
   * Applies all changes or none, durably. With a `hold`, only while its claim is still ours, and releases it with its
   * next due time (a wake-up that came meanwhile wins). With `under`, the same check, but the claim is kept.
   * Concurrent commits share one transaction on the disk, each still all or none by itself. A `fleeting` one outlives the
   * process, and perhaps not the machine: for what is found anew.
   * @throws {StateError}
   */
  commit(
    changes: readonly Change[],
    options?: { readonly hold?: Hold; readonly under?: Claim; readonly fleeting?: true },
  ): Promise<void>;

  /** Proves, before something that cannot be undone, that this is still our database and that it takes writes. */
  prove(): Promise<void>;

  credential(name: string): Promise<CredentialSnapshot | null>;
  /** By name. */
  credentials(): Promise<readonly CredentialSnapshot[]>;
  /** The sealed value of a version. @throws {StateError} `state_corrupt` where it was never stored */
  versionValue(versionId: string): Promise<Secret>;
  /** The latest raw answer to this rotation's mint, where one came. */
  journal(rotationId: string): Promise<Secret | null>;
  /** The different answers to this rotation's mints, latest first; of more than 20 the oldest are gone. */
  journalled(rotationId: string): Promise<readonly Secret[]>;

  rotation(id: string): Promise<Rotation | null>;
  /** The rotation that a caller's Idempotency-Key made, if any. */
  rotationByRequestKey(credential: string, requestKey: string): Promise<Rotation | null>;
  /** Newest first. */
  rotations(query: PageQuery & { readonly credential?: string }): Promise<Page<Rotation>>;
  /** For each of these versions that a rotation superseded, the id of the latest that did. */
  supersededBy(versionIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** In the order mint, verify, publish (by destination), overlap, retire. */
  steps(rotationId: string): Promise<readonly RotationStep[]>;

  /** With its tokens, in one read; null where there is none. A forgotten one is there until it is revoked. */
  grant(client: string, subject: string): Promise<HeldGrant | null>;
  /** Without tokens, by subject; forgotten ones left out. */
  grants(query: PageQuery & { readonly client: string; readonly state?: GrantState }): Promise<Page<Grant>>;
  /** How many grants of a client there are in each state; cheap, however many they are. */
  grantCounts(client: string): Promise<Readonly<Record<GrantState, number>>>;
  /** How many grants of a client are due now or later in a lane, and the first ones; at most `limit` of these. */
  grantsIn(
    client: string,
    lane: GrantLane,
    limit: number,
  ): Promise<{ readonly count: number; readonly first: readonly Grant[] }>;
  narrowToken(client: string, subject: string, scope: string): Promise<NarrowToken | null>;
  /** Null before it was first written; `revision` is then 0. */
  client(name: string): Promise<{ readonly record: ClientRecord | null; readonly revision: number }>;
  authorization(
    id: string,
  ): Promise<{ readonly authorization: Authorization; readonly secrets: AuthorizationSecrets } | null>;
  /** By the digest of OAuth's `state` parameter. */
  authorizationByState(stateDigest: string): Promise<Authorization | null>;

  monitor(name: string): Promise<MonitorRecord | null>;
  /** What a monitor's watch remembers, but for its keys; by name. */
  watchGeneral(monitor: string): Promise<readonly WatchPart[]>;
  /** Those of the named parts that there are, however many are asked for; in no order. */
  watchParts(monitor: string, names: readonly string[]): Promise<readonly WatchPart[]>;
  /** When the provider last accepted each of these keys, for those that the log showed in use. */
  keyUses(keyIds: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Who uses these keys, as the log shows it: the last seen first. */
  keyUsers(keyIds: readonly string[]): Promise<readonly KeyUser[]>;

  alert(id: string): Promise<Alert | null>;
  /** The latest alert (greatest generation) of each identity, for those that exist. */
  alertsByIdentity(identities: readonly string[]): Promise<readonly Alert[]>;
  /** Newest first. */
  alerts(query: PageQuery & { readonly state?: Alert['state'] | 'open' }): Promise<Page<Alert>>;
  delivery(id: string): Promise<Delivery | null>;
  /** Oldest first. */
  deliveries(alertId: string): Promise<readonly Delivery[]>;
  /** Deliveries still pending, by channel. */
  outboxDepth(): Promise<Readonly<Record<string, number>>>;
  /** All that are to be sent, also of alerts that have ended. */
  pendingDeliveries(): Promise<readonly Delivery[]>;
  /** What a channel is owed by now; of much, what goes first. */
  outbox(channel: string, now: number): Promise<Outbox>;
  sent(channel: string, query: SentQuery): Promise<Sent>;
  /** Those of several alerts, oldest first. */
  deliveriesOf(alertIds: readonly string[]): Promise<readonly Delivery[]>;
  /** Alerts of these credentials and kinds that are not resolved; cheap, however many there are of others. */
  openAlerts(query: {
    readonly credentials: readonly string[];
    readonly kinds: readonly AlertKind[];
  }): Promise<readonly Alert[]>;
  /** Critical events that were raised after `since` and that nobody has acknowledged, oldest first. */
  criticalEvents(since: number): Promise<readonly Alert[]>;
  silence(id: string): Promise<Silence | null>;
  /** Those that hold. */
  silences(now: number): Promise<readonly Silence[]>;
  /** Newest first, also those that ended in the last 30 days. */
  allSilences(query: PageQuery): Promise<Page<Silence>>;

  /** Newest first, unless the query says otherwise. */
  audit(query: AuditQuery): Promise<Page<AuditRecord>>;
  /**
   * Compares up to `limit` entries of the audit log after `from` (null: from its begin) with their chain. Who changes the log
   * meanwhile on purpose ({@link State.acceptAudit}, {@link State.prune}) can make a break seem where none is: one that is found is to be
   * looked for anew. `known` is an entry that a former look has found, and that has to be there, unless it was pruned.
   */
  verifyAudit(from: AuditMark | null, limit: number, known?: AuditMark | null): Promise<AuditSlice>;
  /**
   * A person takes the audit log as it stands: writes `entry`, which says so, and chains it anew, whatever was done to it. Others
   * write in between; what is cut off in the middle leaves a break there, and is to be done again.
   */
  acceptAudit(entry: AuditEntry): Promise<void>;

  /** A random key made with the database, for fingerprints. */
  fingerprintKey(): Promise<Secret>;
  /**
   * Deletes what has outlived its retention: ended rotations with their steps, resolved alerts with their deliveries, settled
   * mints, users of keys that were not seen again, what a watch knows of keys that nobody used for 400 days, silences and
   * authorizations that are over, grants that were forgotten long ago, and entries of the audit log, whose chain stays whole: those before its first break,
   * and of many the oldest month.
   */
  prune(before: Retention): Promise<void>;
  close(): Promise<void>;
};
