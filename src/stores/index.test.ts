import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
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
  const code = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
    await import(process.argv[1]);
    process.stdout.write(JSON.stringify(seen));
  `;
  const index = new URL('./index.ts', import.meta.url).href;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code, index]);
  expect(JSON.parse(child.stdout.toString())).toEqual([index]);
});
