import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFiles } from '../../files/index.ts';
import type { Files } from '../../model/index.ts';
import { Secret } from '../../model/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import { dotenvTarget, fileWorld, storeOn, targetOf } from './store.suite.ts';

storeContract('a dotenv file', () =>
  fileWorld({
    name: '.env',
    content: 'OTHER_SECRET=ff_live_plantedNeighbour\nMODE=production\n',
    target: (folder) => dotenvTarget(join(folder, '.env'), 'API_KEY'),
    otherTarget: (folder) => dotenvTarget(join(folder, '.env'), 'SEARCH_KEY'),
    planted: ['ff_live_plantedNeighbour'],
    meddle: (text, value) => {
      const changed = text.replace(/^API_KEY=.*$/m, `API_KEY="${value}"`);
      return changed === text ? `${text}API_KEY="${value}"\n` : changed;
    },
  }),
);

storeContract('a JSON file', () =>
  fileWorld({
    name: 'config.json',
    content: '{\n  "assets": {"other": "ff_live_plantedNeighbour"},\n  "mode": "production"\n}\n',
    target: (folder) =>
      targetOf({ file: join(folder, 'config.json'), format: 'json', field: 'assets.apiKey' }),
    otherTarget: (folder) =>
      targetOf({ file: join(folder, 'config.json'), format: 'json', field: 'search_key' }),
    planted: ['ff_live_plantedNeighbour'],
    meddle: (text, value) => {
      const config = JSON.parse(text);
      return JSON.stringify({ ...config, assets: { ...config.assets, apiKey: value } });
    },
  }),
);

storeContract(
  'a raw file',
  () =>
    fileWorld({
      name: 'frameflow-key',
      content: null,
      target: (folder) => targetOf({ file: join(folder, 'frameflow-key'), format: 'raw' }),
      meddle: (_text, value) => `${value}\n`,
    }),
  { compares: true, neighbours: false },
);

storeContract('a rendered file', () => {
  const placed = (folder: string, credential: string) =>
    targetOf(
      { file: join(folder, 'app.toml'), format: 'template', template: join(folder, 'app.toml.tmpl') },
      { credential, credentials: ['frameflow-prod', 'stockflow-search'] },
    );
  const template =
    'mode = "ff_live_plantedNeighbour"\nassets = "{{frameflow-prod}}"\nsearch = "{{ stockflow-search }}"\n';
  return fileWorld({
    name: 'app.toml',
    content: null,
    prepare: (folder) => writeFile(join(folder, 'app.toml.tmpl'), template),
    target: (folder) => placed(folder, 'frameflow-prod'),
    otherTarget: (folder) => placed(folder, 'stockflow-search'),
    planted: ['ff_live_plantedNeighbour'],
    meddle: (text, value) => {
      const there = text === '' ? template.replace(/{{.*?}}/g, '') : text;
      return there.replace(/^assets = ".*"$/m, `assets = "${value}"`);
    },
  });
});

const HOSTILE: ReadonlyArray<
  readonly [what: string, code: string, plant: (file: string) => Promise<unknown>]
> = [
  ['a symbolic link', 'symlink', (file) => symlink('victim', file)],
  ['a hard link', 'hard_link', (file) => link(join(file, '../victim'), file)],
  ['a folder', 'not_a_file', (file) => mkdir(file)],
];

const FORMATS = [
  { format: 'json', field: 'key' },
  { format: 'raw' },
  { format: 'template', template: 'tmpl' },
];

test.each(FORMATS)('no trap in its place leads $format elsewhere', async (entry) => {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-hostile-'));
  const { store } = storeOn(createFiles());
  try {
    await writeFile(join(folder, 'tmpl'), '{{frameflow-prod}}');
    await writeFile(join(folder, 'victim'), '{}');
    const at = (file: string) => {
      const template = 'template' in entry ? { template: join(folder, 'tmpl') } : {};
      return targetOf({ ...entry, ...template, file }, { credential: 'frameflow-prod' });
    };
    for (const [what, code, plant] of HOSTILE) {
      const target = at(join(folder, code));
      await plant(target.file);
      const acts = [
        () => store.preflight(target),
        () => store.publish(target, Secret.from('k1'), markOf(1), null),
      ];
      // A hard link shows what is in it: to who saw nothing there before that is a conflict already.
      const codes = await Promise.all(acts.map(async (act) => (await edgeErrorOf(act())).failure.code));
      expect(codes[0], what).toBe(code);
      expect([code, 'conflict'], what).toContain(codes[1]);
    }
    const missing = at(join(folder, 'none', 'file'));
    for (const act of [() => store.preflight(missing), () => store.readBack(missing)])
      expect((await edgeErrorOf(act())).failure).toMatchObject({
        code: 'missing_folder',
        verdict: 'retryable',
      });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(FORMATS)(
  'what another process writes to $format while Keywarden does is a conflict, and kept',
  async (entry) => {
    const folder = await mkdtemp(join(tmpdir(), 'keywarden-racing-'));
    const file = join(folder, 'file');
    const template = 'template' in entry ? { template: join(folder, 'tmpl') } : {};
    const target = targetOf({ ...entry, ...template, file }, { credential: 'frameflow-prod' });
    const theirs = entry.format === 'json' ? '{"key":"theirs"}' : 'theirs';
    const real = createFiles();
    const files: Files = {
      ...real,
      replace: async (path, content, options) => {
        if (path === file) await writeFile(file, theirs);
        await real.replace(path, content, options);
      },
    };
    try {
      await writeFile(join(folder, 'tmpl'), '{{frameflow-prod}}');
      const { store } = storeOn(files);
      const error = await edgeErrorOf(store.publish(target, Secret.from('k1'), markOf(1), null));
      expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
      const found = await store.readBack(target);
      expect([found?.value?.reveal(), found?.mark]).toEqual(['theirs', null]);
      expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
