import { upgradeWatch } from '../../detectors/upgrade.ts';
import type { Claim, MonitorRecord } from '../../model/index.ts';
import type { EngineContext } from '../context.ts';

/**
 * The monitor's record. What an earlier build remembered in it is made into parts, in one commit, before the first poll:
 * known places stay known over the upgrade.
 */
export async function recordOf(
  { state, log }: Pick<EngineContext, 'state' | 'log'>,
  claim: Claim,
  name: string,
): Promise<MonitorRecord> {
  const record = (await state.monitor(name)) ?? unseen(name);
  if (record.detectors === null) return record;
  const { parts, lost } = upgradeWatch(record.detectors);
  if (lost !== null) log.warn({ monitor: name }, `${name}: ${lost}; its habits are learnt anew`);
  const taken = { ...record, detectors: null };
  await state.commit(
    [
      { type: 'watch.parts', monitor: name, put: parts, drop: [] },
      { type: 'monitor.put', monitor: taken },
    ],
    { under: claim },
  );
  return taken;
}

function unseen(name: string): MonitorRecord {
  return { name, cursor: null, lastEventAt: null, polledAt: null, attempts: 0, skipped: 0, detectors: null };
}
