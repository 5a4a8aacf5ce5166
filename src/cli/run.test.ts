import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ended } from './testing/cli.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world((text) => text.replace('listen: unix:./kw.sock', 'listen: 127.0.0.1:0'));
});
afterAll(() => w[Symbol.asyncDispose]());

/** Another configuration in the same folder. */
async function changed(name: string, change: (text: string) => string): Promise<string> {
  const path = join(w.directory, name);
  await writeFile(path, change(await readFile(w.config, 'utf8')), { mode: 0o600 });
  return path;
}

function expectNoSecret({ stdout, stderr }: Ended): void {
  for (const secret of w.secrets()) expect(stdout + stderr).not.toContain(secret);
}

test('it says where it listens once it is ready, holds its state alone, and ends with 0', async () => {
  const daemon = w.start(['run']);
  const ready = JSON.parse(await daemon.line(/"msg":"ready"/)) as Record<string, unknown>;
  expect(ready).toMatchObject({ level: 'info', probes: null, config: [w.config] });
  expect(ready.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${ready.address}/readyz`)).status).toBe(200);

  const second = await w.cli(['run']);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/^error: .*keywarden\.db.* another /m);

  daemon.child.kill('SIGINT');
  const ended = await daemon.ended;
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(ended.stdout.trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"');
  expectNoSecret(ended);
});

test('channels that do not answer are told at the start, without a message to any', async () => {
  const path = await changed('deaf.yaml', (text) =>
    text
      .replace(
        'channels:',
        'channels:\n    siem: { kind: webhook, url: "https://127.0.0.1:1/x", signingSecret: { env: SECOND_KEY } }',
      )
      .replace('./state', './state-deaf'),
  );
  const daemon = w.start(['run', '--config', path]);
  const line = await daemon.line(/does not answer/);
  expect(JSON.parse(line)).toMatchObject({
    level: 'warn',
    channel: 'siem',
    msg: expect.stringMatching(
      /^siem does not answer, nobody would hear it: HEAD https:\/\/127\.0\.0\.1:1 was not sent/,
    ),
  });
  daemon.child.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
  expect(w.sandbox.slack.messages()).toEqual([]);
});

test('it does not start on a state that another master key has sealed', async () => {
  const other = Buffer.alloc(32, 1).toString('base64');
  const wrong = await w.cli(['run'], { env: { KEYWARDEN_MASTER_KEY: other } });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/^error: .*key/);
  expect(wrong.stderr).not.toContain(other);
});

describe('does not start and exits with 2', () => {
  test('without a configuration', async () => {
    const { code, stderr } = await w.cli(['run'], { cwd: '/' });
    expect(code).toBe(2);
    expect(stderr).toContain('no configuration found');
    expect(stderr).toContain('`keywarden init` makes one');
  });

  test('with a configuration that has faults, and tells all of them', async () => {
    const path = await changed('bad.yaml', (text) =>
      text.replace('tier: pro', 'teir: pro').replace('environment: cli', 'environment: "*"'),
    );
    const ended = await w.cli(['run', '--config', path]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('the configuration has 2 faults');
    expect(ended.stderr).toMatch(/bad\.yaml:\d+:\d+ .*teir/);
    expect(ended.stderr).toMatch(/bad\.yaml:2:\d+ .*installation\.environment/);
    expectNoSecret(ended);
  });

  test('with a part that is not supported yet', async () => {
    const path = await changed('later.yaml', (text) =>
      text.replace('state: {', 'state: { database: "postgres://kw@db/kw",'),
    );
    const { code, stderr } = await w.cli(['run', '--config', path]);
    expect(code).toBe(2);
    expect(stderr).toContain('not yet supported: a PostgreSQL database');
  });

  test.each([
    ['is missing', '', 'KEYWARDEN_MASTER_KEY is empty'],
    [
      'is too short',
      Buffer.alloc(16, 5).toString('base64'),
      'does not hold a master key: 32 bytes in base64',
    ],
  ])('where the master key %s, and makes none', async (_what, key, message) => {
    const { code, stderr } = await w.cli(['run'], { env: { KEYWARDEN_MASTER_KEY: key } });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('does not start and exits with 1', () => {
  test('where the port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    const path = await changed('taken.yaml', (text) =>
      text.replace('127.0.0.1:0', `127.0.0.1:${port}`).replace('./state', './state-taken'),
    );
    const { code, stderr } = await w.cli(['run', '--config', path]);
    squatter.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: another process listens on 127.0.0.1:${port}; stop it, or change api.listen\n`,
    );
  });

  test('where the state is open to others', async () => {
    const directory = join(w.directory, 'state-open');
    await mkdir(directory);
    await chmod(directory, 0o777);
    const path = await changed('open.yaml', (text) => text.replace('./state', './state-open'));
    const { code, stderr } = await w.cli(['run', '--config', path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`run: chmod 700 ${directory}`);
  });
});

test('a second signal ends it at once while the first waits for what is in flight', async () => {
  w.sandbox.admin.setFault({ service: 'frameflow', times: 0, fault: { kind: 'delay', ms: 60_000 } });
  const path = await changed('stuck.yaml', (text) => text.replace('./state', './state-stuck'));
  const daemon = w.start(['run', '--config', path]);
  await daemon.line(/"msg":"ready"/);
  daemon.child.kill('SIGTERM');
  await daemon.line(/"msg":"stopping"/);
  // One Ctrl-C may come twice; what comes later is a second wish.
  const insist = setInterval(() => daemon.child.kill('SIGTERM'), 50);
  const { code, stdout } = await daemon.ended;
  clearInterval(insist);
  w.sandbox.admin.clearFaults();
  expect(stdout).toContain('a second signal: ended at once');
  expect(code).toBe(1);
});

test('an error that nobody caught ends it with 1 and its origin, never its message', async () => {
  const planted = ['ff', 'live', 'PlantedInAnError'];
  const message = `${JSON.stringify(planted)}.join("_")+"\\nat "+${JSON.stringify(planted)}.join("_")`;
  const preload = `data:text/javascript,process.on("SIGUSR2",()=>{throw new TypeError(${message})})`;
  const path = await changed('thrown.yaml', (text) => text.replace('./state', './state-thrown'));
  const daemon = w.start(['run', '--config', path], { node: ['--import', preload] });
  await daemon.line(/"msg":"ready"/);
  daemon.child.kill('SIGUSR2');
  const { code, stdout, stderr } = await daemon.ended;
  expect(code).toBe(1);
  expect(stdout).toContain('"name":"TypeError"');
  expect(stdout).toContain('an unforeseen fault: the daemon ends');
  expect(stdout + stderr).not.toContain(planted.join('_'));
});
