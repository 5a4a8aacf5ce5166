import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { type Agent, type AgentParts, startAgent } from '../../src/agent/agent.ts';
import { type Synced, syncOnce } from '../../src/agent/sync.ts';
import { call } from '../../src/api/testing/call.ts';
import { TOKENS, type World, world } from '../../src/api/testing/world.ts';
import { readMasterKeys } from '../../src/cli/master-keys.ts';
import { loadAgentConfig } from '../../src/config/agent/load.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { type Clock, Secret } from '../../src/model/index.ts';
import { createLog } from '../../src/telemetry/log.ts';

/** Long enough for anything to arrive on a busy machine, ms. */
export const PATIENCE = { timeout: 10_000, interval: 5 };

/** The token by which the local API's readers are known. */
export const LOCAL_TOKEN = 'local-token-Q8wXn3ZrTe';

/** The machine's time, save that what waits for it is woken when the test says so. */
export class HeldClock implements Clock {
  #passed = 0;
  readonly #timers = new Set<{ readonly at: number; readonly task: () => void }>();
  /** How long everybody who ever waited wanted to wait, ms. */
  readonly asked: number[] = [];

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now() + this.#passed;
  }

  steady(): number {
    return this.monotonic();
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#passed + ms, task };
    this.asked.push(ms);
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time passes on by `ms`, and everything that is due by then happens. */
  pass(ms: number): void {
    this.#passed += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#passed)) {
      this.#timers.delete(timer);
      timer.task();
    }
  }
}

export type Settings = {
  /** Of the upstream; default: the daemon's own. */
  readonly url?: string;
  /** Keys of the published file's entry beside `file`, `format` and `variable`. */
  readonly entry?: string;
  /** Further lines of the configuration. */
  readonly more?: string;
  /** Further credentials. */
  readonly credentials?: string;
};

/** One start of an agent. */
export type Running = AsyncDisposable & {
  readonly agent: Agent;
  readonly clock: HeldClock;
  /** Its log, a line each. */
  readonly lines: readonly string[];
  /** Resolves once a line has this text. */
  logged(text: string): Promise<string>;
};

/** A daemon's API with a real engine, and a folder in which agents run against it. */
export type AgentWorld = AsyncDisposable & {
  readonly upstream: World;
  readonly folder: string;
  /** Everything that any agent has logged. */
  readonly lines: readonly string[];
  readonly file: (name: string) => string;
  start(settings?: Settings): Promise<Running>;
  sync(timeout: number, settings?: Settings, clock?: Clock): Promise<Synced>;
  /** Writes the configuration and gives its path. */
  configure(settings?: Settings): Promise<string>;
  /** Makes a newer version current and gives its number. */
  rotate(): Promise<number>;
  /** What the published file has as its value; null where there is no file. */
  published(): Promise<string | null>;
  /** The value that is current at the upstream. */
  current(): Promise<string | undefined>;
  token(text: string): Promise<void>;
  /** Where a secret stands that stands nowhere: in what was logged, or in what agents keep; to be empty. */
  leaks(): Promise<readonly string[]>;
};

export async function agentWorld(): Promise<AgentWorld> {
  const upstream = await world();
  const folder = await mkdtemp(join(tmpdir(), 'kwa-'));
  const file = (name: string) => join(folder, name);
  const lines: string[] = [];
  const token = (text: string) => writeFile(file('token'), `${text}\n`, { mode: 0o600 });
  await token(TOKENS.app);
  await writeFile(file('local'), LOCAL_TOKEN, { mode: 0o600 });
  await writeFile(file('master.key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  const configure = async (settings: Settings = {}) => {
    const path = file('agent.yaml');
    await writeFile(path, configuration(settings, upstream.api.address));
    return path;
  };
  const partsOf = async (settings: Settings, own: string[]): Promise<Omit<AgentParts, 'clock'>> => {
    const path = await configure(settings);
    const { config } = await loadAgentConfig({ files: [path], env: {}, cwd: folder });
    const write = (line: string) => {
      own.push(line);
      lines.push(line);
    };
    const log = createLog({ level: 'debug', format: 'json' }, { write });
    const hash = createKeyedHash(Secret.from(createHash('sha256').update('test').digest()));
    return { config, keys: await readMasterKeys(config), host: 'Test_Host', hash, log };
  };
  const { engine } = upstream;
  return {
    upstream,
    folder,
    lines,
    file,
    configure,
    token,
    async start(settings = {}) {
      const own: string[] = [];
      const clock = new HeldClock();
      const agent = await startAgent({ ...(await partsOf(settings, own)), clock });
      return {
        agent,
        clock,
        lines: own,
        logged: (text) => heard(own, text),
        [Symbol.asyncDispose]: () => agent.stop(),
      };
    },
    sync: async (timeout, settings = {}, clock = new HeldClock()) =>
      syncOnce({ ...(await partsOf(settings, [])), clock }, timeout),
    rotate: () => rotate(upstream),
    async published() {
      const text = await readFile(file('app.env'), 'utf8').catch(() => null);
      return text === null ? null : (/^KEY=(.*)$/m.exec(text)?.[1] ?? null);
    },
    current: async () => (await engine.values.read('mine'))?.value.reveal(),
    leaks: () => {
      const values = upstream.sandbox.frameflow.keys().map(({ value }) => value);
      return leaksOf([...values, TOKENS.app, LOCAL_TOKEN], lines, file('state'));
    },
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

function configuration({ url, entry = '', more = '', credentials = '' }: Settings, address: string): string {
  return `version: 1
installation: { name: pod, environment: test }
state: { directory: ./state, encryptionKeys: [{ file: ./master.key }] }
upstream: { url: "${url ?? address}", token: { file: ./token }, allowPlaintextLoopback: true }
credentials:
  mine: { publish: [{ file: ./app.env, format: dotenv, variable: KEY${entry} }] }
${credentials}
api:
  listen: 127.0.0.1:0
  tokens: { shop: { role: app, secret: { file: ./local }, credentials: [mine] } }
${more}
`;
}

async function rotate({ engine, api, until }: World): Promise<number> {
  const before = (await engine.values.read('mine'))?.version.number ?? 0;
  const body = { emergency: true, reason: 'a test' };
  await call(api.address, '/v1/credentials/mine/rotate', { method: 'POST', token: 'operator', body });
  await until(async () => ((await engine.values.read('mine'))?.version.number ?? 0) > before);
  return before + 1;
}

async function leaksOf(
  secrets: readonly string[],
  lines: readonly string[],
  state: string,
): Promise<readonly string[]> {
  const kept = await readdir(state).catch(() => []);
  const texts = await Promise.all(kept.map((name) => readFile(join(state, name), 'latin1')));
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('base64')]);
  return forms.flatMap((form) => [
    ...lines.filter((line) => line.includes(form)),
    ...kept.filter((_, index) => texts[index]?.includes(form)),
  ]);
}

/** The first line that has this text, once it is there. */
async function heard(lines: readonly string[], text: string): Promise<string> {
  const late = performance.now() + PATIENCE.timeout;
  for (;;) {
    const found = lines.find((line) => line.includes(text));
    if (found !== undefined) return found;
    if (performance.now() > late) throw new Error(`no line has "${text}":\n${lines.join('')}`);
    await sleep(1);
  }
}

/** An address at which nobody answers. */
export async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A request to an agent's local API. */
export async function local(
  { agent }: Running,
  path: string,
  { token = LOCAL_TOKEN, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; etag: string; json: Record<string, unknown> }> {
  const answer = await fetch(`${agent.api.address}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    etag: answer.headers.get('etag') ?? '',
    json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

/** Minutes pass until a line has this text. */
export function later({ clock, lines }: Running, text: string): Promise<boolean> {
  return vi.waitUntil(() => {
    clock.pass(60_000);
    return lines.some((line) => line.includes(text));
  }, PATIENCE);
}
