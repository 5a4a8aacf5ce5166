import { expect, test } from 'vitest';
import { loadedBy } from '../../test/support/loaded.ts';
import { stores } from './index.ts';

test('every kind of store loads its adapter', async () => {
  const loaded = await Promise.all(Object.values(stores).map((kind) => kind.load()));
  expect(Object.keys(stores)).toEqual(['vault', 'aws-secrets-manager', 'kubernetes', 'file']);
  expect(loaded.map((create) => [typeof create, create.length])).toEqual([
    ['function', 1],
    ['function', 1],
    ['function', 1],
    ['function', 1],
  ]);
});

test('the list itself loads no adapter and no vendor’s package', () => {
  const index = new URL('./index.ts', import.meta.url);
  expect(loadedBy(index)).toEqual([index.href]);
});
