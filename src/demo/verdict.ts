import type { Rotation } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { type Arrivals, allOwed, arrivals, type ChannelName, type Owed, type Received } from './arrivals.ts';
import type { Incident } from './incidents.ts';

/** What became of every alert. */
export type AlertVerdict = {
  readonly raised: number;
  readonly channels: Readonly<Record<ChannelName, Arrivals>>;
  /** Staged, and no alert came of it. */
  readonly untold: readonly Incident[];
};

/** Compares what was staged and owed with what was received; messages owed after `until` do not count. */
export async function judgeAlerts(
  state: State,
  receivedNow: () => Received,
  staged: readonly Incident[],
  until: number,
): Promise<AlertVerdict> {
  const owed = await allOwed(state);
  // What the state calls delivered has been received by now.
  const received = receivedNow();
  const told = owed.filter(({ alert, deliveries }) => {
    // What was staged before the end counts, even where it was found only now.
    return deliveries.some(({ createdAt }) => createdAt <= until) || staged.some((one) => tells(alert, one));
  });
  const last = Math.max(
    until,
    ...told.flatMap(({ deliveries }) => deliveries.map(({ createdAt }) => createdAt)),
  );
  return {
    raised: told.length,
    channels: {
      slack: arrivals('slack', told, received, last),
      pagerduty: arrivals('pagerduty', told, received, last),
    },
    untold: staged.filter((incident) => !owed.some(({ alert }) => tells(alert, incident))),
  };
}

function tells({ kind, lastSeenAt }: Owed['alert'], incident: Incident): boolean {
  return kind === incident.kind && lastSeenAt >= incident.at;
}

/** True where nothing more is to be waited for. */
export function settled({ channels, untold }: AlertVerdict): boolean {
  return untold.length === 0 && Object.values(channels).every(({ pending }) => pending === 0);
}

export type RotationFigures = {
  readonly completed: number;
  /** Both keys work now. */
  readonly open: number;
  readonly failed: number;
  /** Rotations in which two keys were valid at once. */
  readonly overlaps: number;
};

export async function rotationFigures(state: State): Promise<RotationFigures> {
  const all: Rotation[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<State['rotations']>> = await state.rotations({ cursor, limit: 1_000 });
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  const count = (...states: Array<Rotation['state']>) =>
    all.filter(({ state: at }) => states.includes(at)).length;
  return {
    completed: count('completed'),
    open: count('minting', 'verifying', 'publishing', 'overlap'),
    failed: count('failed', 'attention', 'abandoned'),
    overlaps: all.filter(({ overlapEndsAt }) => overlapEndsAt !== null).length,
  };
}
