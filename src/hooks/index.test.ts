import { expect, test } from 'vitest';
import { loadedBy } from '../../test/support/loaded.ts';
import { hooks } from './index.ts';

test('every kind of hook loads its adapter', async () => {
  const loaded = await Promise.all(Object.values(hooks).map((kind) => kind.load()));
  expect(Object.keys(hooks)).toEqual(['exec', 'signal', 'http']);
  expect(loaded.map((create) => [typeof create, create.length])).toEqual([
    ['function', 1],
    ['function', 1],
    ['function', 1],
  ]);
});

test('the list itself loads no adapter', () => {
  const index = new URL('./index.ts', import.meta.url);
  expect(loadedBy(index)).toEqual([index.href]);
});
