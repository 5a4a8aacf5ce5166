import {
  type CredentialSnapshot,
  DAY,
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

/** FrameFlow's cursors live 7 days: who has not read for so long may have missed what the log no longer holds. */
const KEPT = 7 * DAY;

type Reading = {
  /** As it is after the page. */
  readonly record: Pick<MonitorRecord, 'lastEventAt'>;
  /** The credential whose key reads: what it mints stands in this log. */
  readonly snapshot: Pick<CredentialSnapshot, 'versions'> | undefined;
  /** See {@link readSince}. */
  readonly since: number;
  readonly begun: number;
};

type Poll = {
  /** As it was before the poll. */
  readonly record: Pick<MonitorRecord, 'lastEventAt' | 'polledAt'>;
  /** What was said at the poll before; null: nothing. */
  readonly known: number | null;
  /** How far back the first poll looks, ms. */
  readonly backfill: number;
  readonly begun: number;
};

/**
 * From when on the log owes us what was done: it was read from there on, and never left alone for longer than a provider
 * keeps it. It stays the same from poll to poll, so that no trouble ends because time goes by.
 */
export function readSince({ record, known, backfill, begun }: Poll): number {
  const { polledAt, lastEventAt } = record;
  if (polledAt === null) return begun - backfill;
  if (begun - polledAt > KEPT) return begun - KEPT;
  // What was noted by a clock that was ahead would excuse everything.
  if (known !== null && known <= begun) return known;
  return lastEventAt ?? begun - backfill;
}

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

function owed({ record: { lastEventAt }, snapshot, since, begun }: Reading): string | null {
  const from = lastEventAt === null ? since : Math.max(since, lastEventAt + CLOCKS);
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
