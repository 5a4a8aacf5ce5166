import { nearest } from '../../model/nearest.ts';
import { isTimeZone } from '../../rotation/window.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { quote } from '../quote.ts';
import { placeOf, textAt } from '../tree.ts';

export const SCHEDULE = { timezone: 'UTC', reconcile: '*/10 * * * * *', pollLogs: '0 * * * * *' } as const;

/** Expressions that node-cron would refuse, and time zones that do not exist. */
export async function scheduleFaults({ tree }: Draft): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  const timezone = textAt(tree, ['schedule', 'timezone']);
  if (timezone !== undefined && timezone !== SCHEDULE.timezone && !isTimeZone(timezone)) {
    const path = ['schedule', 'timezone'];
    const near = nearest(timezone, Intl.supportedValuesOf('timeZone'));
    faults.push(
      faultAt(placeOf(tree, path), path, {
        expected: 'an IANA time zone such as Europe/Berlin',
        found: quote(timezone),
        hint: near === null ? null : `did you mean "${near}"?`,
      }),
    );
  }
  for (const key of ['reconcile', 'pollLogs'] as const) {
    const expression = textAt(tree, ['schedule', key]);
    if (expression === undefined || expression === SCHEDULE[key] || (await isCron(expression))) continue;
    const path = ['schedule', key];
    const expected = 'a cron expression of 5 or 6 fields such as "*/10 * * * * *"';
    faults.push(faultAt(placeOf(tree, path), path, { expected, found: quote(expression) }));
  }
  return faults;
}

/** Loaded only for an expression of the user's own: the defaults are known to be good. */
async function isCron(expression: string): Promise<boolean> {
  const { validate } = await import('node-cron');
  return /^\S+(\s+\S+){4,5}$/.test(expression.trim()) && validate(expression.trim());
}
