import { createTask, type ScheduledTask } from 'node-cron';
import type { Config } from '../config/types.ts';

/** The clockwork beneath the loop: node-cron, behind the one function that starts it. */
export function startSchedule(
  { timezone, reconcile, pollLogs }: Config['schedule'],
  tasks: { readonly reconcile: () => void; readonly pollLogs: () => void },
): { stop(): void } {
  const scheduled: ScheduledTask[] = [
    createTask(reconcile, () => tasks.reconcile(), { timezone }),
    createTask(pollLogs, () => tasks.pollLogs(), { timezone }),
  ];
  for (const task of scheduled) task.start();
  return {
    stop: () => {
      for (const task of scheduled) task.destroy();
    },
  };
}
