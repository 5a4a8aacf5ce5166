import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseOf } from '../geo/testing/database.ts';
import { MINUTE } from '../model/index.ts';
import { openLater } from './countries.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywarden-countries-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a database that is not there is told once, and is opened once it is', async () => {
  const path = join(folder, 'country.mmdb');
  const countries = openLater(path);
  expect(countries.locate('203.0.113.9')).toBeNull();
  expect(await countries.refresh(0)).toContain(`cannot read the country database ${path}`);
  expect(await countries.refresh(MINUTE)).toBeNull();
  await writeFile(path, databaseOf({ '203.0.113.0/24': { country: { iso_code: 'AU' } } }));
  expect(await countries.refresh(2 * MINUTE)).toBeNull();
  expect(countries.locate('203.0.113.9')?.country).toBe('AU');
});
