import type { Locate } from '../detectors/contract.ts';

/** A country database, as the log watch uses it. */
export type CountryDatabase = {
  /** Where an address lies; null where the database does not say, and for text that is no address. */
  readonly locate: Locate;
  /**
   * Takes up a newer file. Called before each poll: it looks at most every 30 s, and reads only what has changed. Gives
   * what went wrong, once for each bad file, for a person: the database that was open then stays. Never throws.
   *
   * @param now milliseconds
   */
  readonly refresh: (now: number) => Promise<string | null>;
};
