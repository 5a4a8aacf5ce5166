import { expect, test } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import { standingLog } from './standing-log.ts';

test('whoever holds the log, or a child of it, writes by what is configured now', () => {
  const lines: string[] = [];
  const logOf = (level: 'info' | 'debug' | 'error') =>
    createLog({ level, format: 'json' }, { write: (line) => lines.push(line) });
  const { log, exchange } = standingLog(logOf('info'));
  const child = log.child({ part: 'api' }).child({ request: 7 });
  const speak = () => {
    log.debug({}, 'a');
    child.debug({}, 'b');
    child.warn({ status: 500 }, 'c');
    return lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  expect(speak()).toMatchObject([{ level: 'warn', part: 'api', request: 7, status: 500, msg: 'c' }]);
  exchange(logOf('debug'));
  expect(speak()).toMatchObject([{ msg: 'a' }, { msg: 'b', part: 'api', request: 7 }, { msg: 'c' }]);
  exchange(logOf('error'));
  expect(speak()).toEqual([]);
});
