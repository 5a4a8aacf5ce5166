import {
  type CredentialSnapshot,
  formatTime,
  HOUR,
  type LogPage,
  MINUTE,
  type MonitorRecord,
} from '../model/index.ts';

/** An event may arrive so long after its time. */
const LATE = 5 * MINUTE;

/** A mint's time is by the provider's clock, which is believed as far as this from ours. */
const CLOCKS = HOUR;

type Reading = {
  /** As it is after the page. */
  readonly record: Pick<MonitorRecord, 'lastEventAt'>;
  /** The credential whose key reads: what it mints stands in this log. */
  readonly snapshot: Pick<CredentialSnapshot, 'versions'> | undefined;
  /** How far back the first poll looked, ms. */
  readonly backfill: number;
  readonly begun: number;
};

/**
 * Why the log got no further although there is more, as far as a page can tell; null: nothing speaks against it.
 *
 * A log that stands still looks like a quiet one: its pages are empty, and say that there is no more. Of Keywarden's own
 * calls it holds the rotations and nothing else (reads of the log, by which keys are tested, are not in it): one that
 * it owes us, and nothing as new, shows that it stands.
 */
export function standstillOf(page: LogPage, reading: Reading): string | null {
  if (page.stuck !== undefined) return page.stuck;
  return page.hasMore ? null : owed(reading);
}

function owed({ record: { lastEventAt }, snapshot, backfill, begun }: Reading): string | null {
  const from = lastEventAt === null ? begun - backfill : lastEventAt + CLOCKS;
  const mint = snapshot?.versions.find(
    ({ origin, fingerprint, keyId, createdAt }) =>
      origin === 'minted' &&
      fingerprint !== null &&
      keyId !== null &&
      createdAt > from &&
      begun - createdAt > LATE,
  );
  if (mint === undefined) return null;
  const shown = lastEventAt === null ? 'nothing at all' : `nothing since ${formatTime(lastEventAt)}`;
  return `it shows ${shown}, though ${mint.keyId} was minted at ${formatTime(mint.createdAt)}`;
}
