import { call } from '../../src/api/testing/call.ts';
import { type World, world } from '../../src/api/testing/world.ts';
import { quantile, type Row, rounded } from './row.ts';

export type WakeOptions = {
  readonly waiters?: number;
  readonly rotations?: number;
};

/**
 * How long after the commit of a new version those have it who wait for it by long poll, each on a connection of its own.
 * They run in the daemon's process, so that reading the answers is counted too.
 */
export async function bench({ waiters = 200, rotations = 5 }: WakeOptions = {}): Promise<Row[]> {
  const here = await world();
  try {
    const delays: number[] = [];
    for (let turn = 0; turn < rotations; turn += 1) delays.push(...(await rotateOnce(here, waiters)));
    const of = (share: number) => rounded(quantile(delays, share));
    return [
      { name: `wake: ${waiters} who wait for a new version, median`, value: of(0.5), unit: 'ms' },
      {
        name: `wake: ${waiters} who wait for a new version, 99th percentile`,
        value: of(0.99),
        unit: 'ms',
        target: { atMost: 100 },
      },
    ];
  } finally {
    await here[Symbol.asyncDispose]();
  }
}

/** From the commit to each answer, ms. */
async function rotateOnce({ api, engine, until }: World, waiters: number): Promise<number[]> {
  const path = '/v1/credentials/mine/secret';
  const { headers } = await call(api.address, path, { token: 'app' });
  const known = { 'if-none-match': headers.etag ?? '' };
  const answered = Array.from({ length: waiters }, async () => {
    const { status } = await call(api.address, `${path}?wait=60s`, { token: 'app', headers: known });
    if (status !== 200) throw new Error(`a reader was answered ${status}`);
    return performance.now();
  });
  while (engine.values.waiting('mine') < waiters) await new Promise((resolve) => setTimeout(resolve, 5));
  const committed = committedAt(engine.values);
  const body = { emergency: true };
  await call(api.address, '/v1/credentials/mine/rotate', { method: 'POST', token: 'operator', body });
  const times = await Promise.all(answered);
  const at = await committed;
  await until(async () => (await engine.context.state.credential('mine'))?.open?.state === 'overlap');
  return times.map((time) => time - at);
}

/** When the next version was made current. */
function committedAt(values: World['engine']['values']): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const tell = values.committed;
  values.committed = (changes) => {
    if (changes.some((change) => change.type === 'version.put' && change.version.state === 'current')) {
      values.committed = tell;
      resolve(performance.now());
    }
    tell.call(values, changes);
  };
  return promise;
}
