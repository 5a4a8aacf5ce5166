import { endOf } from '../../alerting/orphans.ts';
import { nameOf } from '../../detectors/parts.ts';
import type { Watch } from '../../detectors/watch.ts';
import type { Claim, Signal } from '../../model/index.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { allAlerts } from '../owed.ts';
import { WatchMemory } from './memory.ts';

/**
 * Opens what the monitor's watch remembers. Parts that cannot be read start afresh, each by itself, and the log says so. The
 * open alerts of such a detector end with it: what it knew of these episodes is gone, so that nothing would ever end them,
 * and an episode that goes on is told anew.
 */
export async function openMemory(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  watch: Watch,
): Promise<WatchMemory> {
  const { state, log } = context;
  const monitor = claim.id;
  const memory = await WatchMemory.open(state, watch, monitor);
  const lost = memory.startedAfresh;
  if (lost.length === 0) return memory;
  for (const part of lost) log.warn({ monitor }, `${monitor}: ${part}; what it was for is learnt anew`);
  await committer.commit(memory.changes(), await endsOf(context, monitor, lost), { under: claim });
  return memory;
}

async function endsOf(
  { state, clock }: EngineContext,
  monitor: string,
  lost: readonly string[],
): Promise<Signal[]> {
  const parts = new Set(lost.map((part) => part.slice(0, part.indexOf(':'))));
  const open = await allAlerts(state, true);
  return open
    .filter((alert) => alert.monitor === monitor && parts.has(nameOf(alert.kind)))
    .flatMap((alert) => endOf(alert, clock.now()) ?? []);
}
