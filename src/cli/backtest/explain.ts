import { formatTime, type Why } from '../../model/index.ts';
import { type Cell, table } from '../table.ts';
import { paint, printable } from '../terminal.ts';
import { moment } from '../when.ts';
import type { Found } from './found.ts';

/** The name of calls that bore no key. */
export const NO_KEY = '-';

export const isOn = ({ latest }: Found, key: string): boolean => (latest.keyId ?? NO_KEY) === key;

/** How a finding came about: what was expected at its moment and what was seen, or the rule that it broke. */
export function explanation({ begun, latest, severity }: Found): readonly string[] {
  const { why } = begun;
  return [
    '',
    `${paint('bold', moment(formatTime(begun.at)))}  ${latest.kind}, ${severity}: ${printable(begun.title)}`,
    ...(why === undefined ? [printable(begun.summary)] : judged(why)),
  ];
}

const FEWER =
  'A longer window may show fewer than a shorter one: in the longest a minute counts a few at most, and what an episode that is over holds counts in none.';

function judged({ dispersion, windows }: Why): readonly string[] {
  return [
    `dispersion ${figure(dispersion)}: the variance of what is usual, over its mean (1: pure chance)`,
    table(
      ['WINDOW', 'SEEN', 'EXPECTED', 'CHANCE', 'ALLOWED', ''],
      windows.map(({ window, count, expected, chance, budget }): Cell[] => [
        window,
        figure(count),
        figure(expected),
        figure(chance),
        figure(budget),
        chance < budget ? { text: 'told', how: 'red' } : '',
      ]),
    ),
    ...(windows.some(({ count }, index) => count < (windows[index - 1]?.count ?? 0)) ? [FEWER] : []),
    ...(windows.some(({ chance, budget }) => chance < budget)
      ? []
      : ['No window alone decided: what came over a longer time did, little by little.']),
  ];
}

/** Three digits that count, whatever the size. */
function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return `${value}`;
  if (Math.abs(value) >= 0.01 && Math.abs(value) < 1e6) return `${Number(value.toPrecision(3))}`;
  return value.toExponential(1);
}
