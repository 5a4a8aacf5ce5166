import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { systemClock } from '../../src/engine/clock.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { loadPlugins } from '../../src/engine/plugins.ts';
import { Secret } from '../../src/model/index.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { CLIENT, type GrantsWorld, grantsWorld } from '../chaos/grants-world.ts';
import type { SpawnedDaemon } from '../support/spawned-daemon.ts';
import { firstToken } from '../support/token-server.ts';
import { fill, grantPut } from './oauth-state.ts';
import { quantile, type Row, rounded } from './row.ts';

export type OAuthDaemonOptions = {
  readonly grants?: number;
  /** Of these, due at once. */
  readonly due?: number;
  /** Requests for live tokens. */
  readonly handOuts?: number;
};

/** From a request to the token server to its answer, ms. */
const LATENCY = 200;
/** As many requests as the engine has under way at once. */
const AT_ONCE = 256;
const HAND_OUTS_A_SECOND = 2_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * A daemon as it runs, over a million grants: how many it refreshes a second at a token server in a process of its own,
 * beside the same client without a state; how quickly it hands out live tokens; and its memory after all of it.
 */
export async function bench(options: OAuthDaemonOptions = {}): Promise<Row[]> {
  const { grants = 1_000_000, due = 30_000, handOuts = 20_000 } = options;
  await using world = await grantsWorld({ latencyMs: LATENCY, graceMs: 0, accessLifeSeconds: 3_600 });
  await moveIn(world, grants, due);
  const bare = await rateAlone(world, due);
  const daemon = world.start();
  try {
    while (!daemon.isReady && !daemon.ended) await sleep(10);
    const kept = await rateOf(world, due);
    const handed = await handOut(world, grants, due, handOuts);
    const memory = residentMiB(daemon);
    return rowsOf({ bare, kept, handed, memory, grants });
  } finally {
    await daemon.stop();
  }
}

type Figures = {
  readonly bare: number;
  readonly kept: number;
  readonly handed: readonly number[];
  readonly memory: number;
  readonly grants: number;
};

function rowsOf({ bare, kept, handed, memory, grants }: Figures): Row[] {
  return [
    { name: 'oauth: refreshes by the client alone', value: Math.round(bare), unit: '/s' },
    {
      name: `oauth: refreshes by the daemon, ${LATENCY} ms away`,
      value: Math.round(kept),
      unit: '/s',
      target: { atLeast: 600 },
    },
    {
      name: 'oauth: beside the client alone',
      value: rounded(kept / bare, 2),
      unit: '×',
      target: { atLeast: 0.5 },
    },
    {
      name: `oauth: hand-out, ${HAND_OUTS_A_SECOND}/s, median`,
      value: rounded(quantile(handed, 0.5), 2),
      unit: 'ms',
    },
    {
      name: `oauth: hand-out, ${HAND_OUTS_A_SECOND}/s, 99th percentile`,
      value: rounded(quantile(handed, 0.99), 2),
      unit: 'ms',
      target: { atMost: 2 },
    },
    {
      name: `oauth: resident with ${grants.toLocaleString('en-US')} grants`,
      value: Math.round(memory),
      unit: 'MiB',
      target: { atMost: 512 },
    },
  ];
}

/** The first are to be kept alive now; the others have a token that lives for an hour. */
async function moveIn(world: GrantsWorld, count: number, due: number): Promise<void> {
  const state = await world.open();
  const now = Date.now();
  const old = {
    renewedAt: now - 70 * DAY,
    accessSentAt: now - 70 * DAY,
    accessExpiresAt: now - 70 * DAY + HOUR,
  };
  await fill(state, count, (index) => {
    const named = { subject: nameOf(index), refresh: Secret.from(firstToken(nameOf(index))), usedAt: null };
    return index < due
      ? grantPut(now, { ...named, ...old, due: { at: now, lane: 'idle' } })
      : grantPut(now, { ...named, due: { at: now + 60 * DAY, lane: 'idle' } });
  });
  await state.close();
}

const nameOf = (index: number): string => `user-${String(index).padStart(9, '0')}`;

/** Refreshes a second of the adapter alone, as many at once as the engine has. */
async function rateAlone(world: GrantsWorld, count: number): Promise<number> {
  const hash = createKeyedHash(Secret.from('bench'.padEnd(32, '.')));
  const log = createLog({ level: 'silent', format: 'json' });
  const parts = { clock: systemClock(), hash, log, counters: new Counters() };
  const plugins = await loadPlugins(await world.config(), parts);
  const client = plugins.clients.get(CLIENT);
  if (client === undefined) throw new Error('the client was not loaded');
  let next = 0;
  const begun = performance.now();
  const refreshing = Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      next += 1;
      const answer = await client.refresh(Secret.from(firstToken(`alone-${next}`)), { scopes: null });
      await client.parse(answer);
    }
  });
  await Promise.all(refreshing);
  const rate = count / ((performance.now() - begun) / 1_000);
  await plugins.close();
  return rate;
}

/** Refreshes a second from a tenth of them to nine tenths, as the server counts them. */
async function rateOf({ server }: GrantsWorld, count: number): Promise<number> {
  const before = (await server.stats()).refreshed;
  const reached = async (share: number) => {
    for (;;) {
      const done = (await server.stats()).refreshed - before;
      if (done >= share * count) return { done, at: performance.now() };
      await sleep(20);
    }
  };
  const [first, last] = [await reached(0.1), await reached(0.9)];
  await reached(1);
  return (last.done - first.done) / ((last.at - first.at) / 1_000);
}

/** From when each request was to be sent to its answer, ms: a late one makes those behind it late too. */
async function handOut(world: GrantsWorld, grants: number, due: number, count: number): Promise<number[]> {
  const pool = new Pool('http://localhost', { socketPath: world.socket, connections: 64 });
  const headers = { authorization: `Bearer ${world.token}` };
  const ask = async (index: number) => {
    const subject = nameOf(due + ((index * 7_919) % (grants - due)));
    const path = `/v1/oauth/${CLIENT}/grants/${subject}/access-token`;
    const { statusCode, body } = await pool.request({ method: 'GET', path, headers });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`a live token was not handed out: ${statusCode} ${text}`);
  };
  // Both processes are compiling what they run in the first seconds.
  await atRate(2 * HAND_OUTS_A_SECOND, ask);
  const times = await atRate(count, ask);
  await pool.close();
  return times;
}

async function atRate(count: number, ask: (index: number) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  const begun = performance.now();
  while (asked.length < count) {
    const at = begun + (asked.length * 1_000) / HAND_OUTS_A_SECOND;
    const ahead = at - performance.now();
    if (ahead > 2) await sleep(1);
    else if (ahead > 0) await new Promise((resolve) => setImmediate(resolve));
    else asked.push(ask(asked.length).then(() => void times.push(performance.now() - at)));
  }
  await Promise.all(asked);
  return times;
}

/** The most that the process has had at any time. */
function residentMiB({ pid }: SpawnedDaemon): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) / 1_024;
}
