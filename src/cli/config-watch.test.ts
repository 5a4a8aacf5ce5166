import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { changedFiles, identitiesOf, watchFiles } from './config-watch.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kw-watch-'));
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** Watches a file closely; `next` resolves with the number of times that it was seen to have changed. */
async function watched(path: string) {
  let times = 0;
  let wake = () => {};
  const before = await identitiesOf([path]);
  const watch = watchFiles(
    () => before,
    () => {
      times += 1;
      wake();
    },
    10,
  );
  onTestFinished(() => watch.stop());
  return {
    times: () => times,
    next: () =>
      new Promise<number>((resolve) => {
        wake = () => resolve(times);
      }),
  };
}

test('a file that is written, and one that takes its place under its name, have changed', async () => {
  const path = join(folder, 'keywarden.yaml');
  await writeFile(path, 'one');
  const { next } = await watched(path);
  const first = next();
  await writeFile(path, 'another');
  expect(await first).toBe(1);
  const second = next();
  await writeFile(`${path}~`, 'a third');
  await rename(`${path}~`, path);
  expect(await second).toBe(2);
});

test('a file in a folder that another one replaces, as Kubernetes does it, has changed', async () => {
  for (const name of ['..one', '..two']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'keywarden.yaml'), 'the same');
  }
  await symlink('..one', join(folder, '..data'));
  const path = join(folder, 'keywarden.yaml');
  await symlink('..data/keywarden.yaml', path);
  const { next } = await watched(path);
  const changed = next();
  await symlink('..two', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  expect(await changed).toBe(1);
});

test('a file that is gone has changed, and so it has when it is back', async () => {
  const path = join(folder, 'keywarden.yaml');
  await writeFile(path, 'one');
  const { next } = await watched(path);
  const gone = next();
  await unlink(path);
  expect(await gone).toBe(1);
  const back = next();
  await writeFile(path, 'one');
  expect(await back).toBe(2);
});

test('as long as a file does not stand still nothing is said', async () => {
  const path = join(folder, 'keywarden.yaml');
  await writeFile(path, '');
  const { next, times } = await watched(path);
  const changed = next();
  // Each look finds another file.
  for (let size = 1; size <= 100; size += 1) {
    await writeFile(path, 'x'.repeat(size));
    if (times() > 0) break;
  }
  expect(await changed).toBe(1);
});

test('of two looks at several files the ones that differ are named; a new one is none', async () => {
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  await writeFile(one, '1');
  await writeFile(other, '1');
  const before = await identitiesOf([one, other]);
  await writeFile(other, '22');
  expect(changedFiles(before, await identitiesOf([one, other, folder]))).toEqual([other]);
});

test('a file that changed between its reading and the first look has changed, and one that was missing has come', async () => {
  const [path, other] = [join(folder, 'keywarden.yaml'), join(folder, 'ca.pem')];
  await writeFile(path, 'one');
  const before = await identitiesOf([path, other]);
  await writeFile(path, 'another');
  let files = before;
  const { promise, resolve } = Promise.withResolvers<void>();
  const came = Promise.withResolvers<void>();
  const waiting = [came.resolve, resolve];
  const watch = watchFiles(
    () => files,
    () => waiting.pop()?.(),
    10,
  );
  onTestFinished(() => watch.stop());
  await promise;
  files = await identitiesOf([path, other]);
  await writeFile(other, 'a certificate');
  await came.promise;
});
