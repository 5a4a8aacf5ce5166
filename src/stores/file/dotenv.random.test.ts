import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { EdgeError } from '../../model/index.ts';
import { codeOf, LINE, MARK, markIn, NAME, read, render, VALUE } from './testing.ts';

/** What Node reads beside our variable, which it calls `export API_KEY` where the value is empty. */
function others(text: string): Array<[string, string | undefined]> {
  return Object.entries(parseEnv(text)).filter(([name]) => name.replace(/^export +/, '') !== NAME);
}

/** mulberry32: a small generator, so that a failing seed can be repeated. */
function randomFrom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
}

describe('in random files', () => {
  test('only our lines change, byte for byte', () => {
    const theirs = [
      'A=1',
      'B="two\nlines"',
      "C='it is' # c",
      '# note',
      '',
      'D=`x`',
      'junk',
      'E=a#b',
      'export F=1',
      'G=ü',
    ];
    const ours = ['', 'export ', ' '].flatMap((head) =>
      ['old', '"old"', "'o\nld'", ''].flatMap((old) => ['', ' # c'].map((tail) => ({ head, old, tail }))),
    );
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const pick = randomFrom(seed);
      const ending = pick(['\n', '\r\n']);
      const before = ['# head'];
      const after = ['# head'];
      let found = false;
      for (let count = pick([1, 2, 5, 9]); count > 0; count -= 1) {
        if (pick([0, 0, 1]) === 1) {
          const { head, old, tail } = pick(ours);
          before.push(`${head}${NAME}=${old}${tail}`);
          after.push(`${head}${NAME}=${VALUE}${tail}`);
          found = true;
        } else {
          const line = pick(theirs);
          before.push(line);
          after.push(line);
        }
      }
      before.push('# tail');
      after.push('# tail');
      const final = pick([ending, '']);
      const wanted = [...after, ...(found ? [] : [`${NAME}=${VALUE}`]), LINE];
      expect(render(before.join(ending) + final), `seed ${seed}`).toBe(wanted.join(ending) + final);
    }
  });

  test('Node reads every other variable as before, or the file is refused', () => {
    const signs = [
      'A',
      'B',
      NAME,
      NAME,
      '=',
      '=',
      '"',
      "'",
      '`',
      '\\',
      '#',
      ' ',
      '\t',
      '\n',
      '\n',
      '\n',
      '\r\n',
      'export ',
      ':',
      'x',
      'ü',
      LINE,
    ];
    let refused = 0;
    for (let seed = 1; seed <= 4_000; seed += 1) {
      const pick = randomFrom(seed);
      const text = Array.from({ length: pick([3, 10, 30, 80]) }, () => pick(signs)).join('');
      try {
        const rendered = render(text);
        expect(others(rendered), `seed ${seed}`).toEqual(others(text));
        expect(parseEnv(rendered)[NAME], `seed ${seed}`).toBe(VALUE);
        expect(read(rendered), `seed ${seed}`).toBe(VALUE);
        expect(markIn(rendered), `seed ${seed}`).toEqual(MARK);
        expect(render(rendered), `seed ${seed}`).toBe(rendered);
      } catch (error) {
        if (!(error instanceof EdgeError)) throw error;
        expect(error.code).toBe('ambiguous_file');
        refused += 1;
      }
    }
    expect(refused).toBeLessThan(2_500);
  });

  test('a large hostile file does not hold up the process', () => {
    const hostile: ReadonlyArray<readonly [string, string]> = [
      [' '.repeat(1e6), 'nothing was thrown'],
      [`A=${' '.repeat(1e6)}x`, 'nothing was thrown'],
      ['A="'.repeat(3e5), 'nothing was thrown'],
      ['A="\n'.repeat(2.5e5), 'nothing was thrown'],
      [`A${'\t'.repeat(1e6)}`, 'nothing was thrown'],
      [`A=x${' #'.repeat(5e5)}`, 'nothing was thrown'],
      [`A=${' '.repeat(1e6)}`, 'ambiguous_file'],
    ];
    // Anything that grows with the square of the length would run into the test's time-out.
    for (const [text, outcome] of hostile) expect(codeOf(() => render(text))).toBe(outcome);
  });
});
