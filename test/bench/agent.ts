import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import settings from '../../rolldown.config.ts';
import { makeTls } from '../../src/sandbox/tls.ts';
import { agentWorld } from '../support/agents.ts';
import { bundleOf } from './bundle.ts';
import { median, type Row, rounded } from './row.ts';
import { bareIdle, linesOf, pidOf, residentMemory } from './start.ts';
import { CREDENTIAL, openWorld, type World } from './world.ts';

export type AgentOptions = {
  /** How long after it is ready the agent's memory is read, ms. */
  readonly idleMs?: number;
  /** Agents, and bare Nodes, whose memory is read. */
  readonly idles?: number;
  /** New versions whose way is timed. */
  readonly rotations?: number;
};

/**
 * The bundled `agent` with one credential, one file and an upstream over TLS: resident memory beside the bare runtime's of
 * the same moment. And how long a new version takes from the upstream's commit to the agent's file, in one process.
 */
export async function bench({
  idleMs = 5_000,
  idles = 3,
  rotations = 10,
}: AgentOptions = {}): Promise<Row[]> {
  const memory = await idle(idleMs, idles);
  const ways = await delivered(rotations);
  const mb = (name: string, values: readonly number[]): Row => ({
    name: `agent: ${name}, idle for ${idleMs / 1_000} s`,
    value: rounded(median(values)),
    unit: 'MiB',
  });
  return [
    mb('bare node', memory.bare),
    mb('bundled agent', memory.agent),
    {
      name: 'agent: memory of agent over bare node',
      value: rounded(median(memory.agent) / median(memory.bare), 2),
      unit: '×',
      target: { atMost: 1.5 },
    },
    {
      name: 'agent: from the commit to its file',
      value: rounded(median(ways)),
      unit: 'ms',
      target: { atMost: 100 },
    },
  ];
}

type Memory = { readonly bare: number[]; readonly agent: number[] };

async function idle(ms: number, times: number): Promise<Memory> {
  const world = await openWorld();
  try {
    const bundle = await bundleOf(settings.input, join(world.folder, 'bundle'));
    return await withUpstream(world, bundle, async (config) => {
      const memory: Memory = { bare: [], agent: [] };
      for (let turn = 0; turn < times; turn += 1) {
        memory.bare.push(await bareIdle(ms));
        memory.agent.push(await agentIdle(world, bundle, config, ms));
      }
      return memory;
    });
  } finally {
    await world.end();
  }
}

async function agentIdle(world: World, bundle: string, config: string, ms: number): Promise<number> {
  const child = spawn(process.execPath, [bundle, 'agent', '--config', config], {
    env: world.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    await linesOf(child, 0).next('ready');
    await sleep(ms);
    return await residentMemory(pidOf(child));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** A bundled daemon over TLS, and the configuration of an agent for it. */
async function withUpstream<T>(
  world: World,
  bundle: string,
  measure: (config: string) => Promise<T>,
): Promise<T> {
  const { ca, cert, key } = await makeTls();
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-agent-'));
  const file = (name: string) => join(folder, name);
  for (const [name, text] of Object.entries({
    'ca.pem': ca,
    'tls.crt': cert,
    'tls.key': key,
    token: 'bench-token',
  }))
    await writeFile(file(name), text, { mode: 0o600 });
  const path = await world.configure('agent');
  const document = JSON.parse(await readFile(path, 'utf8'));
  document.api = {
    listen: '127.0.0.1:0',
    tls: { certFile: file('tls.crt'), keyFile: file('tls.key') },
    tokens: { app: { role: 'app', secret: { file: file('token') }, credentials: [CREDENTIAL] } },
  };
  await writeFile(path, JSON.stringify(document));
  const child = spawn(process.execPath, [bundle, 'run', '--config', path], {
    env: world.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const heard: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
  try {
    await linesOf(child, 0).next('has version 1');
    const [, port] = /"address":"https:\/\/127\.0\.0\.1:(\d+)"/.exec(heard.join('')) ?? [];
    await writeFile(file('agent.yaml'), JSON.stringify(agentDocument(`https://localhost:${port}`)));
    return await measure(file('agent.yaml'));
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  }
}

/** Paths are those of its folder. JSON is YAML. */
function agentDocument(url: string): object {
  return {
    version: 1,
    installation: { name: 'bench', environment: 'production' },
    state: { directory: './state', encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    upstream: { url, token: { file: './token' }, tls: { caFile: './ca.pem' } },
    credentials: {
      [CREDENTIAL]: { publish: [{ file: './app.env', format: 'dotenv', variable: 'FRAMEFLOW_API_KEY' }] },
    },
    api: { listen: 'unix:./agent.sock' },
  };
}

/** Ms from the commit that made a version current to the agent's word that its file has it. */
async function delivered(rotations: number): Promise<number[]> {
  await using world = await agentWorld();
  await using running = await world.start();
  await running.agent.ready();
  const { values } = world.upstream.engine;
  const ways: number[] = [];
  for (let turn = 0; turn < rotations; turn += 1) {
    const have = (await values.read('mine'))?.version.id ?? null;
    const place = values.enter('mine', new AbortController().signal);
    const committed = place.after(have).then(() => performance.now());
    const number = await world.rotate();
    await running.logged(`has version ${number}`);
    ways.push(performance.now() - (await committed));
    place.leave();
  }
  return ways;
}
