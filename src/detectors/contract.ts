import type { Geo, Severity, VersionState } from '../model/index.ts';

export type DetectorKind =
  | 'auth-failure-spike'
  | 'failures-then-success'
  | 'unregistered-geolocation'
  | 'outside-allowlist'
  | 'impossible-travel'
  | 'retired-key-use'
  | 'unknown-key'
  | 'dormant-key'
  | 'rate-limit-saturation'
  | 'plaintext-attempt'
  | 'volume-surge'
  | 'new-client'
  | 'log-silence';

/** Where an address lies, by a country database; null where it does not say. Answers at once and always the same. */
export type Locate = (ip: string) => Geo | null;

/** Where calls may come from. Null: no rule, and the detector that needs it is off. */
export type PlaceRules = {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly geolocations: readonly string[] | null;
  /** CIDR blocks, IPv4 and IPv6. */
  readonly ipAllowlist: readonly string[] | null;
};

/** One monitor's rules, as the configuration states them. */
export type Rules = PlaceRules & {
  /** Narrower rules of single credentials; a rule that is null falls back to the monitor's. */
  readonly perCredential: Readonly<Record<string, PlaceRules>>;
  /** Keys of the account that Keywarden does not manage, by key id. */
  readonly otherKeys: Readonly<
    Record<string, PlaceRules & { readonly owner: string; readonly retired: boolean }>
  >;
  /** For so long after its first use a key's countries are learnt instead, ms; null: they are not. Registered ones go before. */
  readonly learn: number | null;
  /** Absent: off. */
  readonly detectors: {
    readonly 'auth-failure-spike'?: { readonly falseAlarmsPerKeyYear: number };
    readonly 'failures-then-success'?: object;
    readonly 'unregistered-geolocation'?: object;
    readonly 'outside-allowlist'?: object;
    readonly 'impossible-travel'?: { readonly speedKmh: number; readonly minimumKm: number };
    readonly 'retired-key-use'?: object;
    readonly 'unknown-key'?: object;
    readonly 'dormant-key'?: { readonly after: number };
    readonly 'rate-limit-saturation'?: { readonly window: number; readonly share: number };
    readonly 'plaintext-attempt'?: object;
    readonly 'volume-surge'?: object;
    readonly 'new-client'?: object;
    readonly 'log-silence'?: { readonly after: number };
  };
  /** The severities at which a detector's finding has the credential rotated; absent: it is told and nothing more. */
  readonly rotate: Readonly<Partial<Record<DetectorKind, readonly Severity[]>>>;
};

/** A key that Keywarden manages, as the state knows it now. */
export type ManagedKey = {
  readonly keyId: string;
  readonly credential: string;
  readonly state: VersionState;
  /** When it stopped being valid or will; null where that is open. */
  readonly expiresAt: number | null;
  /** When a person said that it is known to others; null: nobody did. */
  readonly compromisedAt: number | null;
  /** The id of the rotation that superseded it; null or absent where that is not known. */
  readonly retiredBy?: string | null;
};

/** How the reading of the log fares, as its last poll found it. */
export type Feed = {
  /** The last poll, begun at the context's `now`, read the log to its end. */
  readonly caughtUp: boolean;
  /** What keeps the log from being read (a failed poll, a cursor that does not move), for a person; null: nothing. Never a secret. */
  readonly trouble: string | null;
};

/** What surrounds the events of a page. */
export type WatchContext = {
  readonly monitor: string;
  /** For events whose provider does not say from where they came. */
  readonly locate: Locate;
  readonly keys: readonly ManagedKey[];
  readonly now: number;
  /** Read by `tick` alone. Null: a file is replayed, and all that happened before `now` has been observed. */
  readonly feed: Feed | null;
};
