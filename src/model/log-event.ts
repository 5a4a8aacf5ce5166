/** Where a request came from, as far as somebody said. */
export type Geo = {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string;
  readonly city: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
};

/** One entry of a provider's authentication log, already checked for types and lengths by the provider's adapter. */
export type LogEvent = {
  readonly id: string;
  /** When it happened at the provider; it may arrive up to five minutes later. */
  readonly time: number;
  /** Null where the request bore no key that exists. */
  readonly keyId: string | null;
  readonly ip: string;
  readonly geo: Geo | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly userAgent: string | null;
  /** On a successful rotation: the id of the key it minted. */
  readonly mintedKeyId: string | null;
  readonly requestId: string | null;
  /** The provider says that the request came without TLS. Absent: it does not say. */
  readonly plaintext?: true;
};

/** A page of the log, oldest arrival first. */
export type LogPage = {
  readonly events: readonly LogEvent[];
  /** Entries that could not be read (wrong types, missing fields): counted, never fatal. */
  readonly skipped: number;
  /** Continues after this page; null where the provider gave none. */
  readonly nextCursor: string | null;
  readonly hasMore: boolean;
  /** Why the page leads no further although there is more, for a person: `hasMore` is then false. Absent: it leads to the end. */
  readonly stuck?: string;
};
