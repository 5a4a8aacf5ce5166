import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { renderFault } from '../src/config/index.ts';
import { readTexts } from '../src/config/testing/base.ts';
import { textOf } from './tidy/repository.ts';
import { ROOT, readSources } from './tidy/source.ts';

const readme = textOf('README.md');

test('the configuration in the README has no fault and nothing that is not supported yet', async () => {
  const [, yaml] = /^```yaml\n([\s\S]+?)^```$/m.exec(readme) ?? [];
  if (yaml === undefined) throw new Error('the README has no YAML block');
  const { config, faults, unsupported } = await readTexts({ 'keywarden.yaml': yaml }, {}, true);
  expect([...faults, ...unsupported].map(renderFault)).toEqual([]);
  expect(Object.keys(config?.stores ?? {})).toEqual(['vault']);
  expect(Object.keys(config?.channels ?? {})).toEqual(['team', 'oncall']);
});

test('the README lists every command there is, and no other', async () => {
  const listed = [...readme.matchAll(/^\| `keywarden ([a-z]+)/gm)].map(([, name]) => name);
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, 'src/keywarden.js'), '--help']);
  const there = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z]+)/gm)].map(
    ([, name]) => name,
  );
  expect([...new Set(listed)].toSorted()).toEqual(there.filter((name) => name !== 'help').toSorted());
});

test('the README lists every route of the API', () => {
  const table = readme.slice(readme.indexOf('## HTTP API'), readme.indexOf('## In your programs'));
  const routes = readSources('src/api/routes', 'src/api/oauth').flatMap(({ text }) => [
    ...text.matchAll(/^ +path: '(\/[^']+)',$/gm),
  ]);
  const ends = routes.map(([, path]) => path?.split('/').findLast((part) => !part.startsWith(':')));
  expect(ends.length).toBeGreaterThan(30);
  expect(ends.filter((end) => !new RegExp(`[/\`]${end}[\`/?]`).test(table))).toEqual([]);
});
