import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../config/types.ts';
import { systemClock } from '../engine/clock.ts';
import type { Change, Log, Signal } from '../model/index.ts';
import { identitiesOf } from './config-watch.ts';
import type { Daemon } from './daemon.ts';
import { loadInForce, lookAhead, Reloads } from './reload.ts';
import { type StandingLog, standingLog } from './standing-log.ts';

let path = '';
/** What the daemon was asked to take over, and what ends the reloads under way. */
let taken: string[];
let underWay: Array<() => void>;
/** What the state was told. */
let told: Array<Change | Signal>;
let lines: string[];
let standing: StandingLog;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kw-turns-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  path = join(folder, 'keywarden.yaml');
  await writeFile(join(folder, 'master.key'), Buffer.alloc(32, 1).toString('base64'), { mode: 0o600 });
  [taken, underWay, told, lines] = [[], [], [], []];
  await save('UTC');
});

const save = (zone: string) =>
  writeFile(
    path,
    `version: 1\ninstallation: { name: turns, environment: test }\nstate: { directory: ./state, encryptionKeys: [{ file: ./master.key }] }\nschedule: { timezone: ${zone} }\n`,
  );

const log: Log = {
  debug() {},
  info: (_fields, message) => void lines.push(message),
  warn() {},
  error: (_fields, message) => void lines.push(message),
  child: () => log,
};

/** Reloads of a daemon that takes its time. */
async function reloads(took: (config: Config) => void = () => {}): Promise<Reloads> {
  const daemon = {
    engine: {
      submit: async (changes: readonly Change[], signals: readonly Signal[]) =>
        void told.push(...changes, ...signals),
    },
    reload: (config: Config) => {
      taken.push(config.schedule.timezone);
      return new Promise<void>((resolve) => underWay.push(resolve));
    },
  } as unknown as Daemon;
  standing = standingLog(log);
  const seen = await lookAhead([path]);
  return new Reloads(await loadInForce([path]), { daemon, clock: systemClock(), log: standing, took }, seen);
}

const count = (message: string) => lines.filter((line) => line.startsWith(message)).length;

test('what is asked for during a reload is one more after it, however often it was', async () => {
  const all = await reloads();
  await save('Europe/Berlin');
  all.ask('SIGHUP');
  await expect.poll(() => taken).toEqual(['Europe/Berlin']);
  await save('Europe/Paris');
  for (let asked = 0; asked < 5; asked += 1) all.ask('a changed file');
  // Nothing of the second begins: not even its files are read.
  expect(count('the configuration is loaded anew')).toBe(1);
  underWay.shift()?.();
  await expect.poll(() => taken).toEqual(['Europe/Berlin', 'Europe/Paris']);
  underWay.shift()?.();
  await expect.poll(() => told.filter(({ type }) => type === 'audit.append')).toHaveLength(2);
  expect(taken).toEqual(['Europe/Berlin', 'Europe/Paris']);
});

test('who looks at the channels hears of what is in force, and of nothing that was refused', async () => {
  const heard: string[] = [];
  const all = await reloads((config) => heard.push(config.schedule.timezone));
  await writeFile(path, 'version: 1\nschedule: { timezone: Nowhere }\n');
  all.ask('SIGHUP');
  await expect.poll(() => count('the configuration was not reloaded')).toBe(1);
  expect(told).toEqual([
    expect.objectContaining({ type: 'audit.append' }),
    expect.objectContaining({ type: 'raise', kind: 'config-reload-failed' }),
  ]);
  await save('Asia/Tokyo');
  all.ask('SIGHUP');
  await expect.poll(() => taken).toEqual(['Asia/Tokyo']);
  expect(heard).toEqual([]);
  underWay.shift()?.();
  await expect.poll(() => heard).toEqual(['Asia/Tokyo']);
});

test('after the stop none begins', async () => {
  const all = await reloads();
  await save('Europe/Berlin');
  all.ask('SIGHUP');
  await expect.poll(() => taken).toEqual(['Europe/Berlin']);
  await save('Europe/Paris');
  all.ask('SIGHUP');
  all.stop();
  underWay.shift()?.();
  await expect.poll(() => count('the configuration was reloaded')).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(count('the configuration is loaded anew')).toBe(1);
});

test('a certificate that was renewed is a change, though the configuration is the same', async () => {
  const ca = join(path, '..', 'ca.pem');
  await writeFile(ca, 'one');
  const text = `version: 1\ninstallation: { name: turns, environment: test }\nstate: { directory: ./state, encryptionKeys: [{ file: ./master.key }] }\nproviders: { frameflow: { kind: frameflow, tls: { caFile: ./ca.pem } } }\n`;
  await writeFile(path, text);
  const all = await reloads();
  expect([...all.files.keys()]).toEqual([path, ca]);
  all.ask('SIGHUP');
  await expect.poll(() => count('nothing has changed')).toBe(1);
  await writeFile(ca, 'another');
  all.ask('a changed file');
  await expect.poll(() => taken).toHaveLength(1);
  underWay.shift()?.();
  await expect
    .poll(() => told.find(({ type }) => type === 'audit.append'))
    .toMatchObject({ entry: { detail: { changed: ca } } });
});

test('all that a refused configuration names is watched until one is taken: what it lacks may come', async () => {
  const [master, secret, template] = ['master.key', 'token', 'app.tpl'].map((name) => join(path, '..', name));
  const all = await reloads();
  expect([...all.files.keys()]).toEqual([path]);
  const text = await readFile(path, 'utf8');
  await writeFile(
    path,
    `${text}providers: { frameflow: { kind: frameflow } }
credentials:
  a: { provider: frameflow, secret: { file: ./token }, publish: [{ file: ./app.env, format: template, template: ./app.tpl }] }
`,
  );
  await writeFile(template ?? '', 'KEY={{a}}\n');
  all.ask('SIGHUP');
  await expect.poll(() => count('the configuration was not reloaded')).toBe(1);
  expect(all.files).toEqual(await identitiesOf([path, master, template, secret].map(String)));
  expect(all.files.get(String(secret))).toBe('ENOENT');
  await writeFile(path, text.replace('UTC', 'Asia/Tokyo'));
  all.ask('SIGHUP');
  await expect.poll(() => taken).toEqual(['Asia/Tokyo']);
  underWay.shift()?.();
  await expect.poll(() => count('the configuration was reloaded')).toBe(1);
  expect([...all.files.keys()]).toEqual([path]);
});

test('what lasts as long as the process logs by the configuration in force', async () => {
  const all = await reloads();
  const api = standing.log.child({ part: 'api' });
  await writeFile(path, `${await readFile(path, 'utf8')}log: { level: silent }\n`);
  all.ask('SIGHUP');
  await expect.poll(() => taken).toHaveLength(1);
  api.info({}, 'before');
  underWay.shift()?.();
  await expect.poll(() => told.filter(({ type }) => type === 'audit.append')).toHaveLength(1);
  api.info({}, 'after');
  expect(lines.slice(-1)).toEqual(['before']);
});
