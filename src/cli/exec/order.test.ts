import { expect, test } from 'vitest';
import { CommandError } from '../exit.ts';
import { type ExecOptions, orderOf } from './order.ts';

const OPTIONS: ExecOptions = { stopSignal: 'SIGTERM', grace: 10_000, wait: 60_000 };

/** As the command line gives them. */
function order(line: string, options: Partial<ExecOptions> = {}) {
  const [before = '', behind] = line.split(/ ?--(?: |$)/);
  const split = (text: string) => text.split(' ').filter((word) => word !== '');
  const command = behind === undefined ? null : split(behind);
  return orderOf([...split(before), ...(command ?? [])], command?.length ?? null, { ...OPTIONS, ...options });
}

test('each variable gets a credential, and one credential may stand in several', () => {
  const { variables, names, command, onNew } = order('A=one B_2=two _c=one -- node server.js --port=1');
  expect([...variables]).toEqual([
    ['A', 'one'],
    ['B_2', 'two'],
    ['_c', 'one'],
  ]);
  expect(names).toEqual(['one', 'two']);
  expect(command).toEqual(['node', 'server.js', '--port=1']);
  expect(onNew).toEqual({ do: 'tell' });
});

test.each([
  ['SIGHUP', 'SIGHUP'],
  ['HUP', 'SIGHUP'],
  ['sigusr2', 'SIGUSR2'],
])('--signal %s means %s', (signal, meant) => {
  expect(order('A=one -- x', { signal }).onNew).toEqual({ do: 'signal', signal: meant });
});

test.each<[string, Partial<ExecOptions>, string]>([
  ['A=one node server.js', {}, 'the command stands behind `--`, which is missing'],
  ['A=one --', {}, 'behind `--` the command is missing'],
  ['-- node', {}, 'say which variable gets which credential'],
  ['A -- node', {}, 'expected VARIABLE=NAME before `--`, found "A"'],
  ['A= -- node', {}, 'expected VARIABLE=NAME before `--`, found "A="'],
  ['2A=one -- node', {}, '"2A" is no name of a variable: letters, digits and _, no digit first'],
  ['A-B=one -- node', {}, '"A-B" is no name of a variable'],
  ['=one -- node', {}, '"" is no name of a variable'],
  ['A=one A=two -- node', {}, 'A is given twice'],
  ['A=One/Two -- node', {}, 'A: behind = stands the name of a credential, never its value'],
  ['A=one -- node', { signal: 'SIGHUB' }, '--signal: there is no signal "SIGHUB"; did you mean SIGHUP?'],
  ['A=one -- node', { stopSignal: 'nothing' }, '--stop-signal: there is no signal "nothing"'],
  ['A=one -- node', { stagger: 30_000 }, '--stagger goes with --restart or --signal'],
])('%s %j is a usage error', (line, options, message) => {
  const read = () => order(line, options);
  expect(read).toThrow(CommandError);
  expect(read).toThrow(message);
  expect(read).toThrow('keywarden exec VARIABLE=NAME… -- COMMAND [ARGUMENT…]');
});

test('what looks like a secret is not repeated', () => {
  const value = `ff_live_${'Q7'.repeat(12)}`;
  for (const line of [`${value} -- node`, `A=${value} -- node`]) {
    expect(() => order(line)).toThrow(CommandError);
    expect(() => order(line)).not.toThrow(value);
  }
});
