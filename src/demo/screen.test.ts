import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { pace } from './heading.ts';
import { Screen } from './screen.ts';

/** What a terminal or a file gets. */
function output(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = '';
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk;
      done();
    },
  });
  return {
    stream: Object.assign(stream, { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream,
    text: () => text,
  };
}

describe('the screen', () => {
  test('keeps a long text in its column', () => {
    const { stream, text } = output(false);
    new Screen(stream, 0, 86_400).tell(5.2 * DAY, 'overlap', 'word '.repeat(30).trim());
    const [first = '', second = '', third] = text().split('\n');
    expect(first).toBe(`  day 5.2  overlap     ${'word '.repeat(17).trim()}`);
    expect(second).toBe(`${' '.repeat(23)}${'word '.repeat(13).trim()}`);
    expect(third).toBe('');
  });

  test('writes a file neither colours nor a last line', () => {
    const { stream, text } = output(false);
    const screen = new Screen(stream, 0, 86_400);
    screen.status('40 calls a second');
    screen.quote(0, 'Slack', ['CRITICAL', 'body'], 'red');
    expect(text()).toBe('  day 0.0  Slack       CRITICAL\n           │ body\n');
  });

  test('keeps a terminal its last line below whatever is told', () => {
    const { stream, text } = output(true);
    const screen = new Screen(stream, 0, 86_400);
    screen.status('40 calls a second');
    screen.print('told');
    expect(stripVTControlCharacters(text())).toBe('\r40 calls a second\rtold\n40 calls a second');
  });

  test('shows what others wrote without its control characters', () => {
    const { stream, text } = output(false);
    new Screen(stream, 0, 86_400).tell(0, 'Slack', 'a\u001b[2Jb');
    expect(text()).toContain('a\\u001b[2Jb');
  });

  test('tells days on a fast clock, hours on a slow one', () => {
    const { stream } = output(false);
    expect(new Screen(stream, 0, 86_400).moment(2.04 * DAY)).toBe('day 2.0');
    expect(new Screen(stream, 0, 1).moment(26 * HOUR + 3 * MINUTE + 7_000)).toBe('26:03:07');
  });
});

test('the pace is told in the largest unit that fits', () => {
  expect([1, 2, 60, 3_600, 86_400, 1_000_000].map(pace)).toEqual([
    'on the clock of the wall',
    '2 seconds pass every second',
    'a minute passes every second',
    'an hour passes every second',
    'a day passes every second',
    '11.6 days pass every second',
  ]);
});
