import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { systemClock } from '../../src/engine/clock.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { createFiles } from '../../src/files/index.ts';
import { type Mark, type Net, type NetRequest, Secret } from '../../src/model/index.ts';
import { createNet } from '../../src/net/index.ts';
import { create as createAws } from '../../src/stores/aws-secrets-manager/adapter.ts';
import type { Store } from '../../src/stores/contract.ts';
import { create as createFile } from '../../src/stores/file/adapter.ts';
import { create as createKubernetes } from '../../src/stores/kubernetes/adapter.ts';
import { create as createVault } from '../../src/stores/vault/adapter.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { configOf } from './daemon.ts';
import { quantile } from './row.ts';
import type { StoreName, World } from './world.ts';

/**
 * How long one publication takes through the adapter, and its requests by undici alone; ms, the lower quartile of all:
 * other work on the machine only ever slows one down, and disturbs a longer stretch more than a shorter one.
 */
export type Pace = { readonly adapter: number; readonly bare: number | null };

export type PaceOptions = { readonly rounds: number; readonly publications: number };

/** A request as the adapter sent it, and the status that it got. */
type Sent = { readonly request: NetRequest; readonly status: number };

const VALUE = Secret.from('ff_live_8x9a2bQ7mZ4wLpR8tN3vK6yH');
/** Names of the same length: what the adapter writes to, and what the repetition does. */
const [OWN, REPEATED] = ['bench-a', 'bench-b'];

const TARGETS: Readonly<Record<StoreName, (name: string) => object>> = {
  vault: (name) => ({ path: `footage/${name}`, field: 'api_key' }),
  aws: (name) => ({ secretId: `footage/${name}`, field: 'api_key', create: true }),
  cluster: (name) => ({ namespace: 'footage', secret: name, key: 'api_key' }),
};

/**
 * Publications one after the other as the engine makes each: read, write, read back. The requests that the adapter
 * sends are taken down and sent once more by undici alone, to the same server, with another name of the same length.
 * Rounds of both take turns: what disturbs one disturbs the other.
 *
 * @throws {Error} where the repetition gets another answer: the figures would mean nothing
 */
export async function paceOf(world: World, name: StoreName, options: PaceOptions): Promise<Pace> {
  const sent: Sent[] = [];
  const { store, close } = await openStore(world, name, sent);
  const bare = new Agent({ connect: { ca: world.storesCa }, connections: 8, keepAliveTimeout: 4_000 });
  const times: { adapter: number[]; bare: number[] } = { adapter: [], bare: [] };
  try {
    // A login, the first connection, and code that was never run are no part of it.
    for (let number = 1; number <= 20; number += 1)
      await publish(store, TARGETS[name](`${OWN}-warm`), number);
    for (let round = 0; round < options.rounds; round += 1) {
      const target = TARGETS[name](`${OWN}-${round}`);
      const publications: Sent[][] = [];
      for (let number = 1; number <= options.publications; number += 1) {
        sent.length = 0;
        times.adapter.push(await timeOf(() => publish(store, target, number)));
        publications.push([...sent]);
      }
      for (const requests of publications) times.bare.push(await timeOf(() => repeat(requests, bare)));
    }
  } finally {
    await bare.close();
    await close();
  }
  return { adapter: quantile(times.adapter, 0.25), bare: quantile(times.bare, 0.25) };
}

/** Into one dotenv file, with its fsyncs; there is no HTTP to compare it with. */
export async function paceOfFile(world: World, { rounds, publications }: PaceOptions): Promise<Pace> {
  const file = join(world.folder, 'bench.env');
  const store = createFile({ ...means(), name: 'file', config: null, net: unconnected() });
  const target = { file, format: 'dotenv', variable: 'FRAMEFLOW_API_KEY', mode: 0o600 } as const;
  const times: number[] = [];
  for (let number = 1; number <= rounds * publications; number += 1) {
    times.push(await timeOf(() => publish(store, target, number)));
  }
  return { adapter: quantile(times, 0.25), bare: null };
}

async function publish<Target>(store: Store<Target>, target: Target, number: number): Promise<void> {
  await store.publish(target, VALUE, markOf(number), await store.readBack(target));
  await store.readBack(target);
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

async function repeat(sent: readonly Sent[], dispatcher: Agent): Promise<void> {
  let last = '';
  for (const { request: own, status } of sent) {
    const text = typeof own.body === 'string' ? own.body : Buffer.from(own.body ?? '').toString('utf8');
    const body = asAnswered(text.replaceAll(OWN, REPEATED), last);
    const answer = await request(own.url.replaceAll(OWN, REPEATED), {
      method: own.method,
      headers: own.headers ?? {},
      ...(own.body === undefined ? {} : { body }),
      dispatcher,
    });
    last = await answer.body.text();
    if (answer.statusCode !== status) throw new Error(`repeated: ${answer.statusCode} instead of ${status}`);
  }
}

/** A Kubernetes object is written with the uid and the revision that were read. */
function asAnswered(body: string, last: string): string {
  if (!body.includes('"resourceVersion"')) return body;
  return body.replace(/"(uid|resourceVersion)":"[^"]*"/g, (own, key) => {
    return new RegExp(`"${key}":"[^"]*"`).exec(last)?.[0] ?? own;
  });
}

async function openStore(
  world: World,
  name: StoreName,
  sent: Sent[],
): Promise<{ store: Store<object>; close(): Promise<void> }> {
  const file = await world.configure('pace', { stores: [name] });
  const config = (await configOf(world, file)).stores[name];
  if (config === undefined) throw new TypeError(`${name} is not configured`);
  const { timeout, tls } = config;
  const net = createNet({
    timeoutMs: timeout,
    allowPlaintextLoopback: false,
    allow: [],
    ...(tls === undefined ? {} : { caFile: tls.caFile }),
  });
  const context = { ...means(), name, net: recorded(net, sent) };
  const store = storeOf();
  return {
    store: store as Store<object>,
    async close() {
      await store.close();
      await net.close();
    },
  };

  function storeOf() {
    switch (config?.kind) {
      case 'vault':
        return createVault({ ...context, config });
      case 'aws-secrets-manager':
        return createAws({ ...context, config });
      case 'kubernetes':
        return createKubernetes({ ...context, config });
      default:
        throw new TypeError(`no such store: ${name}`);
    }
  }
}

function recorded(net: Net, sent: Sent[]): Net {
  return {
    ...net,
    async request(own) {
      const answer = await net.request(own);
      sent.push({ request: own, status: answer.status });
      return answer;
    },
    as: (identity) => recorded(net.as(identity), sent),
  };
}

function means() {
  const log = createLog({ level: 'silent', format: 'json' });
  const hash = createKeyedHash(Secret.from('bench'.padEnd(32, '.')));
  return { log, hash, clock: systemClock(), files: createFiles() };
}

function unconnected(): Net {
  return createNet({ timeoutMs: 1, allowPlaintextLoopback: false, allow: [] });
}

function markOf(number: number): Mark {
  return {
    installation: 'bench/production',
    credential: 'frameflow-prod',
    number,
    versionId: randomUUID(),
    keyId: `key_${number}`,
    createdAt: Date.UTC(2026, 9, 1, 9, 0, number),
  };
}
