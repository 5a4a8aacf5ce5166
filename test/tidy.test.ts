import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeBreaches } from './tidy/code.ts';
import {
  decisionBreaches,
  dependencyBreaches,
  machineTraces,
  repositoryFiles,
  textOf,
} from './tidy/repository.ts';
import { importBreaches, importCycles, ROOMS, VENDORS } from './tidy/rooms.ts';
import { parseSource, ROOT, readSources, roomOf } from './tidy/source.ts';

const sources = readSources('src', 'test');

test('the rooms of the rules are the rooms of src', () => {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== null));
  expect([...rooms].toSorted()).toEqual(Object.keys(ROOMS).toSorted());
});

test('imports point one way, and heavy parts are loaded only where they are used', () => {
  expect(sources.flatMap(importBreaches)).toEqual([]);
});

test('no files import one another in a circle', () => {
  expect(importCycles(sources)).toEqual([]);
});

test('pure rooms are pure, files and functions are short, nothing is silenced', () => {
  expect(sources.flatMap(codeBreaches)).toEqual([]);
});

test.each([
  [
    'src/rotation/a.ts',
    "import type { Engine } from '../engine/engine.ts';",
    'rotation may not import engine',
  ],
  ['src/stores/a.ts', "export * from '../channels/index.ts';", 'stores may not import channels'],
  ['src/providers/a.ts', "import '../net/index.ts';", 'providers may not import net'],
  ['src/sandbox/a.ts', "import { Secret } from '../model/index.ts';", 'sandbox may not import model'],
  ['src/engine/a.ts', "const a = import('../api/api.ts');", 'engine may not import api'],
  [
    'src/engine/a.ts',
    "import { caught } from '../net/testing/index.ts';",
    'the product imports no test code',
  ],
  [
    'src/engine/a.ts',
    "import { run } from '../../test/world.ts';",
    'the product imports nothing outside src',
  ],
  ['src/engine/a.ts', "import { Secret } from '../model/secret.ts';", 'import from model/index.ts'],
  ['src/config/a.ts', "import { Vault } from '../stores/vault/client.ts';", "a plug-in's schema"],
  ['src/engine/a.ts', "import { create } from '../stores/file/adapter.ts';", 'loaded with import()'],
  ['src/api/a.ts', "import { createServer } from 'node:http';", 'process.getBuiltinModule'],
  ['src/alerting/a.ts', "import { createHash } from 'node:crypto';", 'is pure'],
  ['src/engine/a.ts', "const a = import('undici');", 'only src/net/ may name this package'],
  ['src/stores/a.test.ts', "import { Engine } from '../engine/engine.ts';", 'tests of stores may not import'],
])('in %s, %s is a breach', (path, text, breach) => {
  expect(importBreaches(parseSource(path, text))).toEqual([expect.stringContaining(breach)]);
});

test('each package that the rules bind is one that src uses', () => {
  const used = new Set(sources.flatMap(({ imports }) => imports.map(({ specifier }) => specifier)));
  expect(Object.keys(VENDORS).filter((name) => !used.has(name))).toEqual([]);
});

test('a circle is seen through any number of files', () => {
  const circle = [
    parseSource('src/model/a.ts', "import './b.ts';"),
    parseSource('src/model/b.ts', "export type { C } from './c.ts';"),
    parseSource('src/model/c.ts', "import type { A } from './a.ts';"),
  ];
  expect(importCycles(circle)).toEqual(['src/model/a.ts → src/model/b.ts → src/model/c.ts → src/model/a.ts']);
});

test.each([
  ['src/api/a.ts', 'const now = Date.now();', 'reads the clock'],
  ['src/api/a.ts', 'const now = new Date();', 'reads the clock'],
  ['src/stores/a.ts', 'const now = performance.now();', 'reads the clock'],
  ['src/rotation/a.ts', 'const r = Math.random();', 'random number in a pure room'],
  ['src/rotation/a.ts', 'const id = crypto.randomUUID();', 'uses crypto in a pure room'],
  ['src/detectors/a.ts', 'const home = process.env.HOME;', 'uses process in a pure room'],
  ['src/alerting/a.ts', 'setTimeout(() => {}, 1);', 'calls setTimeout in a pure room'],
  ['src/cli/a.ts', "console.log('');", 'writes to the console'],
  ['src/cli/a.ts', 'const a = b as any;', 'any'],
  ['src/cli/a.ts', 'const a = b!.c;', 'a non-null assertion'],
  ['src/cli/a.ts', '// @ts-ignore', 'silences a tool'],
  ['src/cli/a.test.ts', "test.skip('a', () => {});", 'every test runs'],
  ['src/cli/a.test.ts', "describe.each([1]).only('a', () => {});", 'every test runs'],
  ['src/cli/a.test.ts', "vi.mock('./b.ts');", 'tests use real parts'],
  ['src/cli/a.ts', `function a() {${'\n'.repeat(70)}}`, 'a function of 71 lines'],
  ['src/cli/a.ts', '\n'.repeat(351), '351 lines'],
])('in %s, %j is a breach', (path, text, breach) => {
  expect(codeBreaches(parseSource(path, text))).toEqual([expect.stringContaining(breach)]);
});

test('what is allowed is no breach', () => {
  const allowed = [
    parseSource('src/rotation/a.ts', 'const day = new Date(now); const f = () => process(now);'),
    parseSource('src/engine/clock.ts', 'const now = Date.now();'),
    parseSource('src/sandbox/a.ts', "import { createServer } from 'node:http';"),
    parseSource('src/api/a.ts', "import type { Server } from 'node:http';"),
    parseSource('src/stores/a.test.ts', "import { createFiles } from '../files/index.ts';"),
    parseSource('src/stores/index.ts', "const a = () => import('./vault/adapter.ts');"),
  ];
  expect(allowed.flatMap((source) => [...importBreaches(source), ...codeBreaches(source)])).toEqual([]);
});

test('nothing in the repository names a machine or a registry', () => {
  const files = repositoryFiles().filter((path) => path !== 'test/tidy.test.ts');
  expect(files.flatMap((path) => machineTraces(path, textOf(path)))).toEqual([]);
});

test.each(['see /home/someone/keys', 'https://registry.npmjs.org/zod', '"resolved": "https://a/b.tgz"'])(
  '%s would be found',
  (line) => {
    expect(machineTraces('a.md', `first\n${line}`)).toEqual([expect.stringMatching(/^a\.md:2: /)]);
  },
);

test('every dependency is pinned and has its line in docs/dependencies.md', () => {
  const manifest = JSON.parse(textOf('package.json'));
  expect(dependencyBreaches(manifest, textOf('docs/dependencies.md'))).toEqual([]);
});

test('a loose, an unmentioned and a forgotten dependency are found', () => {
  const manifest = { dependencies: { a: '^1.0.0', b: '1.0.0' }, devDependencies: {} };
  expect(dependencyBreaches(manifest, '| `a` | ^1.0.0 | why |\n| `c` | 1.0.0 | why |')).toEqual([
    'a ^1.0.0: not pinned to one version',
    'b 1.0.0: no line in docs/dependencies.md',
    'c 1.0.0: in docs/dependencies.md alone',
  ]);
});

test('decisions are numbered from 1 without a gap', () => {
  const folder = 'docs/decisions';
  const files = readdirSync(join(ROOT, folder));
  expect(files.length).toBeGreaterThan(0);
  expect(decisionBreaches(files.map((file) => ({ file, text: textOf(join(folder, file)) })))).toEqual([]);
  expect(
    decisionBreaches([
      { file: '001-one.md', text: '# 001. One' },
      { file: '003-three.md', text: '# 003. Three' },
    ]),
  ).toEqual(['003-three.md: expected 002-….md, titled "# 002. …"']);
});
