import type { ClientRecord, Failure, Signal } from '../../model/index.ts';
import { MINUTE } from '../../model/index.ts';
import { type Fault, faultTold, refreshWorks } from './alerts.ts';
import type { ClientStep } from './pauses.ts';

/** A fault that was not seen for so long, or for half of an access token's life, is ended by the next good answer. */
const QUIET = 30 * MINUTE;

const quiet = (life: number): number => (life > 0 ? Math.min(QUIET, life / 2) : QUIET);

/**
 * A fault of all the client's grants is seen. It is told and noted, and not again for each further grant: a server that
 * has it in each answer must not cost a write of the alert and of the client's record with each.
 *
 * @param life of the access tokens, ms
 */
export function faultSeen(
  client: ClientRecord,
  fault: Fault,
  failure: Failure,
  now: number,
  life: number,
): ClientStep {
  const seen = client.faults[fault];
  if (seen !== undefined && now - seen < quiet(life) / 2) return { client, signals: [] };
  return {
    client: { ...client, faults: { ...client.faults, [fault]: now } },
    signals: [faultTold(client.client, fault, failure, now)],
  };
}

/** A good answer: what was not seen for a while is over. One that comes and goes is one alert, not many. */
export function faultsOver(client: ClientRecord, now: number, life: number): ClientStep {
  const over = Object.keys(client.faults).filter((fault) => now - (client.faults[fault] ?? 0) >= quiet(life));
  if (over.length === 0) return { client, signals: [] };
  const left = Object.entries(client.faults).filter(([fault]) => !over.includes(fault));
  const signals: Signal[] = over.map((fault) => refreshWorks(client.client, fault, now));
  return { client: { ...client, faults: Object.fromEntries(left) }, signals };
}
