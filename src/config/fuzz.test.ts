import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from './fault.ts';
import { loadConfig } from './load.ts';
import { inFolder } from './testing/base.ts';

/** xorshift32: the same seed, the same run. */
function random(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const FRAGMENTS = [
  '\t',
  '  ',
  '- ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '!!binary ',
  '#',
  '\n',
  '---\n',
  '~',
  '|\n',
  '<<: *a',
  '__proto__: ',
  'constructor: ',
  '1e999',
  '.inf',
  '0x10',
  '\u0000',
  '\ud800',
  '%YAML 1.1\n',
  '2026-01-01',
  'true',
];

function mutate(text: string, next: (below: number) => number): string {
  let mutated = text;
  for (let times = 1 + next(4); times > 0; times -= 1) {
    const at = next(mutated.length + 1);
    const length = next(3) === 0 ? next(60) : next(4);
    const from = next(mutated.length + 1);
    const inserted =
      [FRAGMENTS[next(FRAGMENTS.length)] ?? '', '', mutated.slice(from, from + next(80))][next(3)] ?? '';
    mutated = mutated.slice(0, at) + inserted + mutated.slice(at + length);
  }
  return mutated;
}

test('a mutilated configuration is refused with a ConfigError that has faults, or loads', async () => {
  const example = await readFile(new URL('../../config/keywarden.example.yaml', import.meta.url), 'utf8');
  const lean = example.replaceAll(/ +#.*$/gm, '');
  await inFolder(async (cwd) => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const text = mutate(lean, random(seed * 2_654_435_761));
      await writeFile(join(cwd, 'keywarden.yaml'), text);
      const outcome = await loadConfig({ env: {}, cwd, offline: seed % 2 === 0 }).catch(
        (error: unknown) => error,
      );
      if (!(outcome instanceof ConfigError)) expect(outcome, `seed ${seed}`).toHaveProperty('config');
      else expect(outcome.faults.length + outcome.unsupported.length, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});
