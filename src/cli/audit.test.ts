import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Running } from './testing/cli.ts';
import { type World, world } from './testing/world.ts';

/*
 * One daemon and its story, in order.
 */

let w: World;
let daemon: Running;
beforeAll(async () => {
  w = await world((text) => `${text}schedule: { reconcile: "* * * * * *" }\n`);
  daemon = await w.daemon();
  await daemon.line(/app\.env#FRAMEFLOW_API_KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

type Entry = { readonly number: number; readonly at: string; readonly action: string; readonly hash: string };

const linesOf = (text: string) => text.split('\n').slice(0, -1);

/** While the daemon is not there. */
async function meanwhile(act: (file: string) => void): Promise<void> {
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  act(join(w.directory, 'state', 'keywarden.db'));
  daemon = await w.daemon();
}

/** As somebody who can write to the file. */
const tamper = (sql: string) => meanwhile((file) => tamperWith(file, sql));

function tamperWith(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  // The daemon's own log, which may lie on another host by now, has the end of what it leaves.
  const last = database.prepare('select number, hash from audit order by number desc limit 1').get();
  expect(last?.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(daemon.output()).toMatch(
    new RegExp(`"entry":${last?.number},"hash":"${last?.hash}".*"the audit log ends here"`),
  );
  database.exec(sql);
  database.close();
}

test('verify tells that the log is whole, and what to keep of it', async () => {
  const [{ code, stdout, stderr }, machine] = await Promise.all([
    w.cli(['audit', 'verify']),
    w.cli(['audit', 'verify', '--json']),
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /^The audit log is whole: \d+ entries\.\nThe last is \d+ of \S+ \S+Z, with the hash\n {2}[0-9a-f]{64}\n/,
  );
  expect(JSON.parse(machine.stdout)).toMatchObject({ whole: true, breaks: 0, broken: [] });
});

test('export prints every entry once, oldest first, a line each', async () => {
  const { code, stdout, stderr } = await w.cli(['audit', 'export']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const entries = linesOf(stdout).map((line) => JSON.parse(line) as Entry);
  expect(entries.length).toBeGreaterThan(2);
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
  expect(entries[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
  for (const secret of w.secrets()) expect(stdout).not.toContain(secret);
  const [none, all] = await Promise.all([
    w.cli(['audit', 'export', '--until', '1d']),
    w.cli(['audit', 'export', '--since', '1d', '--until', '2999-01-01T00:00:00Z']),
  ]);
  expect(none).toMatchObject({ code: 0, stdout: '' });
  expect(all.stdout.startsWith(stdout)).toBe(true);
  expect(await w.cli(['audit', 'export', '--since', 'soon'])).toMatchObject({ code: 2 });
});

test('only an admin reads the log', async () => {
  const env = {
    KEYWARDEN_URL: `unix:${join(w.directory, 'kw.sock')}`,
    KEYWARDEN_TOKEN: w.env.READER_TOKEN ?? '',
  };
  const [verified, exported] = await Promise.all([
    w.cli(['audit', 'verify'], { env }),
    w.cli(['audit', 'export'], { env }),
  ]);
  expect([verified.code, exported.code]).toEqual([4, 4]);
});

/** Entries that nobody has chained. */
const FORGED = 1_200;

test('a changed entry is told to people at the next start, and verify says which, and what to do', async () => {
  await tamper(`update audit set actor = 'mallory' where number = 2;
    with recursive n(i) as (select 1001 union all select i + 1 from n where i < 1000 + ${FORGED})
    insert into audit select i, at, actor, 'x.forged', credential, detail, hash from n, audit where number = 1`);
  await expect
    .poll(() => JSON.stringify(w.sandbox.slack.messages()), { timeout: 30_000 })
    .toContain('The audit log is broken: entry 2 is not as it was written');
  const { code, stdout, stderr } = await w.cli(['audit', 'verify']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^The audit log is broken: 12\d\d breaks in 12\d\d entries\.\n {2}entry 2 is not as it was written/,
  );
  expect(stdout).toMatch(/^ {2}and 1\d\d\d more$/m);
  expect(stdout).toContain('before it stands entry 1 of ');
  expect(stderr).toContain('keywarden audit verify --accept --reason TEXT');
});

test('what was done is taken as it stands by who says why', async () => {
  const { code, stdout, stderr } = await w.cli([
    'audit',
    'verify',
    '--accept',
    '--reason',
    'the disk was replaced',
  ]);
  expect(code).toBe(0);
  expect(stdout).toContain('entry 2 is not as it was written');
  expect(stderr).toContain('the alert has ended');
  const alerts = await w.cli(['alerts', 'list']);
  expect(alerts.stdout).not.toContain('audit-broken');
  expect((await w.cli(['audit', 'verify'])).code).toBe(0);
  const exported = linesOf((await w.cli(['audit', 'export'])).stdout).map(
    (line) => JSON.parse(line) as Entry,
  );
  const numbers = exported.map(({ number }) => number);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(exported.filter(({ action }) => action === 'x.forged')).toHaveLength(FORGED);
  expect(exported.filter(({ action }) => action === 'audit.accepted')).toMatchObject([
    { actor: 'ops', detail: { reason: 'the disk was replaced' } },
  ]);
});

/** The database alone, as it was when it was copied. */
function putBack(file: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
  copyFileSync(`${file}.backup`, file);
}

test('an earlier copy of the database that was put back while nobody ran is told, and taken as the backup that it is', async () => {
  await meanwhile((file) => copyFileSync(file, `${file}.backup`));
  await w.cli(['pause', 'frameflow-prod', '--reason', 'a backup is restored']);
  await meanwhile(putBack);
  await expect
    .poll(() => JSON.stringify(w.sandbox.slack.messages()), { timeout: 30_000 })
    .toContain('an older end of the log was put back');
  const before = await w.cli(['audit', 'verify']);
  expect(before).toMatchObject({ code: 1 });
  expect(before.stdout).toMatch(/: 1 break in \d+ entries/);
  expect(await w.cli(['audit', 'verify', '--accept', '--reason', 'restored'])).toMatchObject({ code: 0 });
  await meanwhile(() => {});
  expect(await w.cli(['audit', 'verify'])).toMatchObject({ code: 0 });
});

test('and stays told when the master key is replaced, as one does after a break-in', async () => {
  const env = { NEW_KEY: Buffer.alloc(32, 9).toString('base64') };
  const keys = (list: string) =>
    writeFileSync(
      w.config,
      readFileSync(w.config, 'utf8').replace(/encryptionKeys: \[.*?\]/, `encryptionKeys: [${list}]`),
    );
  const restart = async (list: string) => {
    daemon.child.kill('SIGTERM');
    await daemon.ended;
    keys(list);
    daemon = w.start(['run'], { env });
    await daemon.line(/"msg":"ready"/);
  };
  await meanwhile(putBack);
  expect(await w.cli(['audit', 'verify'])).toMatchObject({ code: 1 });
  await restart('{ env: NEW_KEY }, { env: KEYWARDEN_MASTER_KEY }');
  await restart('{ env: NEW_KEY }');
  expect(await w.cli(['audit', 'verify'])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('an older end of the log was put back'),
  });
  expect((await w.cli(['alerts', 'list'])).stdout).toContain('audit-broken');
});
