import type { AlteredRights, Mark, PluginContext, Secret } from '../model/index.ts';

/** What stands at a destination. */
export type Found = {
  readonly value: Secret | null;
  /** Who wrote it, where it says; null for a value without Keywarden's mark. */
  readonly mark: Mark | null;
  /** The store's own revision of what was read, for check-and-set; opaque to all but the store. */
  readonly revision: string | null;
  /** Who may read it is not what the target says; null or absent: all is right, or the store knows nothing of it. */
  readonly rights?: AlteredRights | null;
  /** The same value and mark would be written in another form now (its template has changed). */
  readonly outdated?: boolean;
};

/**
 * Where versions are published. Every method throws an EdgeError and nothing else; no message quotes a value.
 * A target is one entry of a credential's `publish` list.
 */
export type Store<Target> = {
  /** Throws where `target` could not be written now. Writes nothing. */
  preflight(target: Target): Promise<void>;
  /** Null where nothing is there. */
  readBack(target: Target): Promise<Found | null>;
  /**
   * Writes `value` with its mark; the same version twice is the same as once. `expected` is what the caller read and
   * decided upon: where the store can compare, a write over something newer throws `conflict` (retryable: read again).
   */
  publish(target: Target, value: Secret, mark: Mark, expected: Found | null): Promise<void>;
  /**
   * Renews the store's own login where it has one, and says when to come again (ms from now); null: never.
   * Called as due work of the loop, and by the adapter itself when it finds its login refused.
   */
  renewLogin(): Promise<number | null>;
  /** Clears away what a crash has left at `targets`: called once at the start. Absent: nothing is ever left. */
  tidy?(targets: readonly Target[]): Promise<void>;
  close(): Promise<void>;
};

/** One line in `stores/index.ts`. */
export type StoreKind<Config, Target> = {
  load(): Promise<(context: PluginContext<Config>) => Store<Target>>;
};
