import { expect, test } from 'vitest';
import { faultAt } from '../config/fault.ts';
import { ConfigError } from '../config/index.ts';
import { KeywardenError } from '../model/index.ts';
import { refusal, refused, reloaded } from './reload-report.ts';

const FILE = '/etc/keywarden/keywarden.yaml';

function faultsOf(count: number): ConfigError {
  const faults = Array.from({ length: count }, (_, index) =>
    faultAt({ file: FILE, line: index + 1, column: 1 }, ['a', `b${index}`], { problem: 'is wrong' }),
  );
  return new ConfigError(faults);
}

test('of many faults the first is told, twenty are logged, and all are counted', () => {
  const why = refusal(faultsOf(30), [FILE]);
  expect(why).toMatchObject({ file: FILE, line: 1, count: 30, first: `${FILE}:1:1  a.b0  is wrong` });
  expect(why.faults).toHaveLength(20);
  expect(why.action).toBe(`keywarden check --config ${FILE}`);
  const { summary, title } = why.signal('SIGHUP', 0);
  expect(title).toBe(`The configuration was not reloaded: ${FILE}, line 1`);
  expect(summary).toContain('That is the first of 30 faults.');
});

test('what a plug-in says is told, and what an unforeseen error says is not', () => {
  const ours = refusal(new KeywardenError('ca_file', 'cannot read /ca.pem; check caFile'), ['/a b.yaml']);
  expect(ours).toMatchObject({
    file: null,
    line: null,
    first: 'cannot read /ca.pem; check caFile',
    count: 1,
  });
  expect(ours.action).toBe('keywarden check --config "/a b.yaml"');
  const strange = refusal(new TypeError('PLANTED'), [FILE]);
  const said = JSON.stringify([strange, strange.signal('SIGHUP', 0), refused('SIGHUP', strange, 0)]);
  expect(said).not.toContain('PLANTED');
  expect(said).toContain('its log says where it came from');
});

test('the audit names what changed; of very much the first', () => {
  const names = Array.from({ length: 25 }, (_, index) => `credentials.c${index}`);
  expect(reloaded('a changed file', names.slice(0, 2), 7)).toEqual({
    type: 'audit.append',
    entry: {
      at: 7,
      actor: 'daemon',
      action: 'configuration.reloaded',
      credential: null,
      detail: { cause: 'a changed file', changed: 'credentials.c0, credentials.c1' },
    },
  });
  expect(JSON.stringify(reloaded('SIGHUP', names, 7))).toMatch(/credentials\.c19, and 5 more"/);
});
