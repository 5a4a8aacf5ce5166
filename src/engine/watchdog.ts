import type { Claim, Work } from '../model/index.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { WATCHDOG_LANE } from './lanes.ts';
import { nextLook, overdueSignal, type Watched } from './overdue.ts';

/** The one record of its kind: rooted at every start, it never ends. */
export function watchdogWork(now: number): Work {
  return { kind: 'watchdog', id: 'overdue', lane: WATCHDOG_LANE, dueAt: now };
}

/** Looks at every configured credential's key, whatever became of the work that should have replaced it. */
export async function turnWatchdog(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
): Promise<void> {
  const now = context.clock.now();
  const watched = await watchedCredentials(context);
  const signals = watched.map((each) => overdueSignal(each, now));
  await committer.commit([], signals, { hold: { claim, next: nextLook(watched, now) } });
}

async function watchedCredentials({ config, state }: EngineContext): Promise<Watched[]> {
  const [snapshots, scheduled] = await Promise.all([state.credentials(), state.scheduled('credential')]);
  const work = new Map(scheduled.map((record) => [record.id, record]));
  return snapshots.flatMap((snapshot) => {
    const { name } = snapshot.record;
    const configured = config.credentials[name];
    return configured === undefined ? [] : [{ config: configured, snapshot, work: work.get(name) ?? null }];
  });
}
