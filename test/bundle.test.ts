import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import settings from '../rolldown.config.ts';
import { CREDENTIAL, VARIABLE } from './support/settings.ts';
import { makeWorld, type World } from './support/world.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywarden-bundle-'));
  const { output, ...input } = settings;
  const bundle = await rolldown(input);
  await bundle.write({ ...output, dir: folder });
  await bundle.close();
});

afterAll(() => rm(folder, { recursive: true }));

const AWS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

function keywarden(world: World, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(folder, 'keywarden.js'), ...args, '--config', world.configFile], {
    env: { ...world.env, ...AWS },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Everything that comes out of a stream, in the order it came. */
function collect(stream: Readable | null): string[] {
  const chunks: string[] = [];
  stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  return chunks;
}

/** What a command wrote to standard output. @throws {Error} where it failed */
async function run(world: World, ...args: readonly string[]): Promise<string> {
  const child = keywarden(world, ...args);
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`keywarden ${args.join(' ')} exited with ${code}: ${errors.join('')}`);
  return output.join('');
}

/** Resolves with the first line of the daemon's log that has this message. */
async function logged(child: ChildProcess, message: string): Promise<void> {
  if (child.stdout === null) throw new TypeError('the daemon has no standard output');
  const seen: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    seen.push(line);
    if (JSON.parse(line).msg === message) return;
  }
  throw new Error(`the daemon ended without "${message}":\n${seen.join('\n')}`);
}

test('the bundle rotates into Vault, AWS and a file and tells Slack and PagerDuty, with no package beside it', async () => {
  const world = await makeWorld({
    sandbox: { now: Date.now },
    provider: { settle: { minimum: '0s', budget: '10s', successes: 1 } },
    started: false,
    application: false,
  });
  const daemon = keywarden(world, 'run');
  const errors = collect(daemon.stderr);
  try {
    await logged(daemon, 'ready');
    const rotated = await run(world, 'rotate', CREDENTIAL, '--wait');
    expect(rotated).toContain('every destination has the new version');
    const value = await run(world, 'get', CREDENTIAL);
    expect(await world.vault.held()).toEqual({ value, version: 2 });
    expect(await world.aws.held()).toEqual({ value, version: 2 });
    expect(await readFile(join(world.folder, 'app.env'), 'utf8')).toContain(`${VARIABLE}=${value}\n`);
    for (const channel of ['team', 'oncall']) {
      expect(await run(world, 'alerts', 'test', channel)).toContain('it took the test message');
    }
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(errors.join('')).toBe('');
  } finally {
    daemon.kill('SIGKILL');
  }
}, 60_000);

test('an agent that has read its configuration starts anew in the same process, without what that took', async () => {
  const file = join(folder, 'agent.yaml');
  await writeFile(
    file,
    `version: 1
installation: { name: pod, environment: test }
state: { directory: ./agent-state, encryptionKeys: [{ env: MASTER_KEY }] }
upstream: { url: "https://127.0.0.1:1", token: { env: TOKEN } }
credentials: { prod: { publish: [{ file: ./app.env, format: dotenv, variable: KEY }] } }
api: { listen: "unix:./agent.sock", tokens: { app: { role: app, secret: { env: TOKEN }, credentials: [prod] } } }
`,
  );
  const env = { MASTER_KEY: Buffer.alloc(32, 7).toString('base64'), TOKEN: 'a-token' };
  const agent = spawn(process.execPath, [join(folder, 'keywarden.js'), 'agent', '--config', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors = collect(agent.stderr);
  try {
    await logged(agent, 'started');
    const environment = (await readFile(`/proc/${agent.pid}/environ`, 'utf8')).split('\0');
    const order = environment.find((each) => each.startsWith('KEYWARDEN_AGENT_ORDER='));
    expect(order).toContain('"$secret":{"env":"TOKEN"}');
    for (const secret of Object.values(env)) expect(order).not.toContain(secret);
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(errors.join('')).toBe('');
  } finally {
    agent.kill('SIGKILL');
  }
});
