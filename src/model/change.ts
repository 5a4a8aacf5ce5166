import type { Alert, Delivery, Silence } from './alert.ts';
import type { CredentialRecord, Destination, KeyUser, ObservedMint, Version } from './credential.ts';
import type {
  Authorization,
  AuthorizationSecrets,
  ClientRecord,
  Grant,
  GrantLane,
  NarrowToken,
} from './grant.ts';
import type { Rotation, RotationStep } from './rotation.ts';
import type { Secret } from './secret.ts';
import type { Work, WorkKind } from './work.ts';

/** One line of the audit log. */
export type AuditEntry = {
  readonly at: number;
  /** A token's name, `schedule`, `daemon` or `cli`. */
  readonly actor: string;
  /** Dotted, past tense: `rotation.requested`, `version.published`. */
  readonly action: string;
  readonly credential: string | null;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
};

/** What Keywarden remembers of a log monitor between two polls. */
export type MonitorRecord = {
  readonly name: string;
  readonly cursor: string | null;
  /** The greatest event time seen: where a lost cursor resumes. */
  readonly lastEventAt: number | null;
  /** When a poll last succeeded. */
  readonly polledAt: number | null;
  /** Failed polls in succession. */
  readonly attempts: number;
  readonly skipped: number;
  /** What an earlier build remembered of the log, all of it in one; null as soon as it stands in parts. */
  readonly detectors: string | null;
};

/** One part of what the watch of a log remembers: its name, and its body as text. That of a key is called `key.ID`. */
export type WatchPart = readonly [name: string, body: string];

/** When a grant is due, and what it is due for. */
export type GrantDue = { readonly at: number; readonly lane: GrantLane };

/**
 * One write to the state. A fold returns a list of them; a commit applies the whole list or none.
 * `put` inserts or replaces the row with the record's key.
 */
export type Change =
  /** Refused as stale, the whole commit, unless the credential's revision is still this. */
  | { readonly type: 'credential.expect'; readonly name: string; readonly revision: number }
  | { readonly type: 'credential.put'; readonly record: CredentialRecord }
  | { readonly type: 'version.put'; readonly version: Version; readonly value?: Secret }
  | { readonly type: 'rotation.put'; readonly rotation: Rotation }
  | { readonly type: 'step.put'; readonly step: RotationStep }
  /** Refused as stale, the whole commit, unless the destination is still as it was read (null: not known yet). */
  | {
      readonly type: 'destination.expect';
      readonly credential: string;
      readonly id: string;
      readonly destination: Destination | null;
    }
  | { readonly type: 'destination.put'; readonly destination: Destination }
  /** The raw answer to a mint, sealed, before anything else is done with it. */
  | {
      readonly type: 'journal.put';
      readonly rotationId: string;
      readonly answer: Secret;
      readonly at: number;
    }
  | { readonly type: 'journal.delete'; readonly rotationId: string }
  | { readonly type: 'monitor.put'; readonly monitor: MonitorRecord }
  /** Inserts or replaces these parts of what the monitor's watch remembers, and deletes those that it dropped. */
  | {
      readonly type: 'watch.parts';
      readonly monitor: string;
      readonly put: readonly WatchPart[];
      readonly drop: readonly string[];
    }
  /** A provider accepted this key at that time; an earlier time than the known one changes nothing. */
  | { readonly type: 'use.put'; readonly keyId: string; readonly at: number }
  /** The log shows a mint; the same event twice is the same as once. Counts as a change of the credential. */
  | { readonly type: 'mint.put'; readonly mint: ObservedMint }
  /** It is explained or told; the same event seen again is not taken up anew. */
  | { readonly type: 'mint.settle'; readonly id: string }
  /** Adds these calls to what is known of the user; beyond 100 users of a key the one longest unseen goes. */
  | { readonly type: 'user.add'; readonly user: KeyUser }
  /** Purges a credential: versions with their values, rotations, destinations, due work. The audit log stays. */
  | { readonly type: 'credential.forget'; readonly name: string }
  /** Refused as stale, the whole commit, unless the grant's revision is still this (null: there is none). */
  | {
      readonly type: 'grant.expect';
      readonly client: string;
      readonly subject: string;
      readonly revision: number | null;
    }
  /** Tokens that are not given stay as they are; a new grant has them. Its revision rises; the time of its last use never falls. */
  | {
      readonly type: 'grant.put';
      readonly grant: Grant;
      readonly tokens?: { readonly refresh: Secret; readonly access: Secret | null };
      /** Replaces its due time; absent: a new grant is due at once, a known one stays as it is. */
      readonly due?: GrantDue;
    }
  /**
   * The raw answer to a refresh, sealed, before anything else is done with it: the grant's revision rises, so that nobody
   * decides without it. Null: it was taken in; this goes with a put.
   */
  | {
      readonly type: 'grant.answer';
      readonly client: string;
      readonly subject: string;
      readonly answer: Secret | null;
    }
  /** Makes it due no later than `at`, in this lane where that goes before its own; also while it is claimed. */
  | { readonly type: 'grant.wake'; readonly client: string; readonly subject: string; readonly due: GrantDue }
  /**
   * The clock by which its grants are due was set back by `by` ms: those that are due later than `after` are due so much
   * earlier, also those that are woken for then while they are claimed. One statement, however many they are.
   */
  | { readonly type: 'grants.shift'; readonly client: string; readonly after: number; readonly by: number }
  /** An application got a token of it; no revision rises. */
  | { readonly type: 'grant.use'; readonly client: string; readonly subject: string; readonly at: number }
  /** Inserts or replaces the token of this grant and scope. */
  | { readonly type: 'narrow.put'; readonly token: NarrowToken }
  /** Deletes all tokens with fewer scopes that the grant has. */
  | { readonly type: 'narrow.clear'; readonly client: string; readonly subject: string }
  /** Purges a grant with all its tokens. */
  | { readonly type: 'grant.delete'; readonly client: string; readonly subject: string }
  /** Refused as stale, the whole commit, unless the client's revision is still this (0: there is none). */
  | { readonly type: 'client.expect'; readonly client: string; readonly revision: number }
  | { readonly type: 'client.put'; readonly record: ClientRecord }
  /** Refused as stale, the whole commit, unless the authorization is still in this state. */
  | {
      readonly type: 'authorization.expect';
      readonly id: string;
      readonly state: Authorization['state'];
    }
  /** Secrets that are not given stay as they are. */
  | {
      readonly type: 'authorization.put';
      readonly authorization: Authorization;
      readonly secrets?: Partial<AuthorizationSecrets>;
    }
  | { readonly type: 'authorization.delete'; readonly id: string }
  /** Refused with a conflict unless the stored alert's revision is `expected` (null: there is none yet). */
  | { readonly type: 'alert.put'; readonly alert: Alert; readonly expected: number | null }
  | { readonly type: 'delivery.put'; readonly delivery: Delivery }
  | { readonly type: 'silence.put'; readonly silence: Silence }
  | { readonly type: 'audit.append'; readonly entry: AuditEntry }
  /** Creates the due record or replaces its due time and lane. */
  | { readonly type: 'work.put'; readonly work: Work }
  /** Makes it due no later than `at`, also while it is claimed; nothing where there is no such record. */
  | { readonly type: 'work.wake'; readonly kind: WorkKind; readonly id: string; readonly at: number }
  | { readonly type: 'work.delete'; readonly kind: WorkKind; readonly id: string }
  /** Ends the claim that holds it until `until`, whose holder is dead, and makes it due no later than `at`; else nothing. */
  | {
      readonly type: 'work.free';
      readonly kind: WorkKind;
      readonly id: string;
      readonly until: number;
      readonly at: number;
    };
