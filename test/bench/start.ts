import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import settings from '../../rolldown.config.ts';
import { bundleOf } from './bundle.ts';
import { median, type Row, rounded } from './row.ts';
import { openWorld, type World } from './world.ts';

export type StartOptions = {
  /** Starts of each kind; they take turns. */
  readonly runs?: number;
  /** How long after it is ready the daemon's memory is read, ms. */
  readonly idleMs?: number;
  /** Daemons, and bare Nodes, whose memory is read. */
  readonly idles?: number;
};

/**
 * The bundled `run` with FrameFlow, a dotenv file and Slack, beside the bare runtime of the same moment: time from
 * spawn to the log line `ready` (the state has been written, the API listens, the loop has turned), and resident
 * memory some time after, with nothing done about its garbage. Every start finds an empty folder, so its database
 * is made anew.
 */
export async function bench({ runs = 15, idleMs = 5_000, idles = 3 }: StartOptions = {}): Promise<Row[]> {
  const world = await openWorld();
  try {
    const bundle = await bundleOf(settings.input, join(world.folder, 'bundle'));
    // What the disk has to fetch the first time is fetched: neither side is to pay for it.
    await startOnce(world, bundle);
    const times: { bare: number[]; ready: number[]; adopted: number[] } = {
      bare: [],
      ready: [],
      adopted: [],
    };
    for (let turn = 0; turn < runs; turn += 1) {
      times.bare.push(await bareOnce());
      const { ready, adopted } = await startOnce(world, bundle);
      times.ready.push(ready);
      times.adopted.push(adopted);
    }
    const memory: { bare: number[]; daemon: number[] } = { bare: [], daemon: [] };
    for (let turn = 0; turn < idles; turn += 1) {
      memory.bare.push(await bareIdle(idleMs));
      memory.daemon.push(await daemonIdle(world, bundle, idleMs));
    }
    return rowsOf(times, memory, idleMs);
  } finally {
    await world.end();
  }
}

function rowsOf(
  times: Readonly<Record<'bare' | 'ready' | 'adopted', readonly number[]>>,
  memory: Readonly<Record<'bare' | 'daemon', readonly number[]>>,
  idleMs: number,
): Row[] {
  const ms = (name: string, values: readonly number[]): Row => ({
    name: `start: ${name}`,
    value: rounded(median(values)),
    unit: 'ms',
  });
  const mb = (name: string, values: readonly number[]): Row => ({
    name: `start: ${name}, idle for ${idleMs / 1_000} s`,
    value: rounded(median(values)),
    unit: 'MiB',
  });
  return [
    ms('bare node -e 0', times.bare),
    ms('bundled run to ready', times.ready),
    ms('bundled run to the first key published', times.adopted),
    {
      name: 'start: run to ready over bare node',
      value: rounded(median(times.ready) / median(times.bare), 2),
      unit: '×',
      target: { atMost: 4 },
    },
    mb('bare node', memory.bare),
    mb('bundled run', memory.daemon),
    {
      name: 'start: memory of run over bare node',
      value: rounded(median(memory.daemon) / median(memory.bare), 2),
      unit: '×',
      target: { atMost: 2.3 },
    },
  ];
}

async function bareOnce(): Promise<number> {
  const begun = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - begun;
}

type Started = { readonly ready: number; readonly adopted: number };

async function startOnce(world: World, bundle: string): Promise<Started> {
  return withDaemon(world, bundle, async (_pid, told) => ({
    ready: await told('ready'),
    adopted: await told('has version 1'),
  }));
}

async function daemonIdle(world: World, bundle: string, ms: number): Promise<number> {
  return withDaemon(world, bundle, async (pid, told) => {
    await told('ready');
    await sleep(ms);
    return residentMemory(pid);
  });
}

export async function bareIdle(ms: number): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 2 ** 30)'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    await sleep(ms);
    return await residentMemory(pidOf(child));
  } finally {
    child.kill();
    await ended;
  }
}

/** `told` gives how long after the spawn a log line came whose message ends so, ms. */
async function withDaemon<T>(
  world: World,
  bundle: string,
  measure: (pid: number, told: (message: string) => Promise<number>) => Promise<T>,
): Promise<T> {
  const config = await world.configure('start');
  const begun = performance.now();
  const child = spawn(process.execPath, [bundle, 'run', '--config', config], {
    env: world.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = linesOf(child, begun);
  try {
    return await measure(pidOf(child), (message) => lines.next(message));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

type Line = { readonly message: string; readonly after: number };

/** The daemon's log with the time of each line. */
export function linesOf(child: ChildProcess, begun: number): { next(message: string): Promise<number> } {
  if (child.stdout === null) throw new TypeError('the daemon has no standard output');
  const seen: Line[] = [];
  let over = false;
  let more = Promise.withResolvers<void>();
  const tell = () => {
    more.resolve();
    more = Promise.withResolvers<void>();
  };
  createInterface(child.stdout)
    .on('line', (line) => {
      seen.push({ message: String(JSON.parse(line).msg), after: performance.now() - begun });
      tell();
    })
    .on('close', () => {
      over = true;
      tell();
    });
  return {
    async next(message) {
      for (;;) {
        const found = seen.find((line) => line.message.endsWith(message));
        if (found !== undefined) return found.after;
        if (over) throw new Error(`the daemon ended without "${message}": ${JSON.stringify(seen)}`);
        await more.promise;
      }
    },
  };
}

export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new TypeError('the process did not start');
  return pid;
}

/** VmRSS of a process in MiB, as Linux counts it. */
export async function residentMemory(pid: number): Promise<number> {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}
