import { runAgent } from './agent-process.ts';
import { attempt } from './attempt.ts';
import { takeOver } from './handover.ts';

/** The second process of an agent; see {@link import('./handover.ts').handOver}. */
export function takenOver(): Promise<number> {
  return attempt(() => runAgent(takeOver()));
}
