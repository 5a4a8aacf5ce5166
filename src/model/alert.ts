import type { Failure } from './errors.ts';

export type Severity = 'critical' | 'warning' | 'info';

/** See `contracts/surface.md`, "Alert kinds". */
export const ALERT_KINDS = [
  'rotation-completed',
  'rotation-failed',
  'rotation-attention',
  'rotation-overdue',
  'publish-failed',
  'store-unreachable',
  'key-orphaned',
  'foreign-mint',
  'store-drift',
  'old-key-in-use',
  'credential-rejected',
  'key-compromised',
  'rollback-ends',
  'hook-failed',
  'rotation-due',
  'inactivity-expiry',
  'refresh-failed',
  'consent-required',
  'scope-excess',
  'file-permissions',
  'auth-failure-spike',
  'unregistered-geolocation',
  'outside-allowlist',
  'impossible-travel',
  'retired-key-use',
  'unknown-key',
  'dormant-key',
  'failures-then-success',
  'rate-limit-saturation',
  'plaintext-attempt',
  'volume-surge',
  'new-client',
  'log-silence',
  'channel-failed',
  'state-restored',
  'audit-broken',
  'clock-skew',
  'config-reload-failed',
  'incident-unanswered',
  'test',
] as const;

export type AlertKind = (typeof ALERT_KINDS)[number];

/** Facts that prove an alert, for people and machines. Never a secret. */
export type Evidence = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What the alert is about: exactly one of these as a rule. */
export type AlertSubject = {
  readonly credential?: string;
  readonly monitor?: string;
  readonly channel?: string;
};

/** Something holds that a person should know of. Every failure and every finding enters the alerting as one of these. */
export type Raise = AlertSubject & {
  readonly type: 'raise';
  readonly kind: AlertKind;
  readonly severity: Severity;
  /** Tells apart conditions of one kind and subject (a destination, a key and its source); never time, replica or severity. */
  readonly condition: string;
  readonly at: number;
  /** When it was last seen to hold; absent: at `at`. */
  readonly lastAt?: number;
  /** The verdict in one line, with the facts that change first. */
  readonly title: string;
  /** Who or what breaks, and what Keywarden did. */
  readonly summary: string;
  /** What to do now, with the exact command where there is one; null where nothing is to be done. */
  readonly action: string | null;
  /** When it gets worse, null where it does not. */
  readonly deadline: number | null;
  readonly evidence: Evidence;
  /** An event (a completed rotation, a key that a stranger minted): nothing holds that could end, so nothing will resolve it. */
  readonly transient?: boolean;
};

/** The condition has ended. */
export type Resolve = AlertSubject & {
  readonly type: 'resolve';
  readonly kind: AlertKind;
  readonly condition: string;
  readonly at: number;
};

/** What folds and detectors hand to the alerting. */
export type Signal = Raise | Resolve;

export type AlertState = 'triggered' | 'acknowledged' | 'resolved';

/** One condition from its first sight to its end. */
export type Alert = AlertSubject & {
  readonly id: string;
  /** Stable while the alert lasts: channels fold repeats by it. At most 255 characters. */
  readonly dedupKey: string;
  /** Kind, subject and condition in one string: the identity under which the next raise finds this alert. */
  readonly identity: string;
  /** How many times this identity has come back after a resolve, or got worse where somebody may have taken it on. */
  readonly generation: number;
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly title: string;
  readonly summary: string;
  readonly action: string | null;
  readonly deadline: number | null;
  readonly evidence: Evidence;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly count: number;
  readonly acknowledgedBy: string | null;
  /** When, ms; absent: nobody has, or an earlier version did not note it. */
  readonly acknowledgedAt?: number;
  /** When it began, or got worse last, by our own clock: what is due after that is counted from here. */
  readonly triggeredAt: number;
  /** When a person told the provider of it and waits for the answer; null: nobody does. */
  readonly reportedAt: number | null;
  /** It is an event: resolved from the first, but nothing was ever over. */
  readonly transient?: boolean;
  /** Rises with every write; a commit names the one it read. */
  readonly revision: number;
};

/** Nobody is told of the begin of such alerts for a time. An empty list matches everything. */
export type Silence = {
  readonly id: string;
  readonly kind: readonly AlertKind[];
  readonly credential: readonly string[];
  readonly severity: readonly Severity[];
  readonly createdAt: number;
  readonly endsAt: number;
  readonly reason: string;
  /** A token's name, or `cli`. */
  readonly author: string;
};

export type DeliveryEvent = 'trigger' | 'acknowledge' | 'resolve';

/** One message owed to one channel: a row of the outbox. */
export type Delivery = {
  readonly id: string;
  readonly alertId: string;
  readonly channel: string;
  readonly event: DeliveryEvent;
  readonly state: 'pending' | 'delivered' | 'failed' | 'cancelled';
  /** How often it may have been sent. */
  readonly attempts: number;
  readonly lastError: Failure | null;
  /** By our own clock, but later than that of the one before to the same channel: their order is no clock's. */
  readonly createdAt: number;
  /** When it was delivered or given up; of one that is pending, when it was tried last. */
  readonly at: number | null;
};
