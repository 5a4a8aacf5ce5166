import { expect, test } from 'vitest';
import { MINUTE } from '../../src/model/index.ts';
import { makeWorld, type World } from '../support/world.ts';

/** From now on the log is this page, whose cursor leads back to it. */
async function freeze(world: World, page: object): Promise<void> {
  const monitor = await world.state.monitor('frameflow-auth-log');
  world.sandbox.admin.setFault({
    service: 'frameflow',
    path: '/v1/auth/logs',
    method: 'GET',
    times: 0,
    fault: { kind: 'altered', set: { next_cursor: monitor?.cursor, ...page } },
  });
}

const silence = async (world: World) =>
  (await world.alerts('log-silence')).map(({ state, title }) => `${state}: ${title}`);

test('a log that stands still and calls itself read to the end is told once it lacks a rotation of ours', async () => {
  const world = await makeWorld({ destinations: ['file'], every: 5 * MINUTE });
  await world.advance('10m');
  await freeze(world, { events: [], has_more: false });
  await world.advance('3h');
  // It might be a quiet account.
  expect(await silence(world)).toEqual([]);

  await world.rotate();
  await world.advance('15m');
  expect(await silence(world)).toEqual([]);
  await world.advance('15m');
  const successor = world.sandbox.frameflow.keys().at(-1)?.id;
  const title = 'triggered: the log frameflow-auth-log has not been read for 15m: it shows nothing since';
  expect(await silence(world)).toEqual([
    expect.stringMatching(`^${title} .*, though ${successor} was minted`),
  ]);

  world.sandbox.admin.clearFaults();
  await world.advance('5m');
  expect(await silence(world)).toEqual([expect.stringContaining('resolved: ')]);
});

test('a log that says there is more and leads nowhere is told', async () => {
  const world = await makeWorld({ destinations: ['file'], every: 5 * MINUTE });
  await world.advance('10m');
  await freeze(world, { events: [], has_more: true });
  await world.advance('25m');
  expect(await silence(world)).toEqual([
    expect.stringMatching(/^triggered: .* has not been read for 15m: FrameFlow says that there is more/),
  ]);
});

test('a log that gives the same page again and again is told as late', async () => {
  const world = await makeWorld({ destinations: ['file'], every: 5 * MINUTE });
  await world.advance('10m');
  const event = { id: 'evt_1', ip: '203.0.113.7', method: 'GET', path: '/', status: 200, key_id: null };
  const time = new Date(world.time - MINUTE).toISOString();
  await freeze(world, { events: [{ ...event, time }], has_more: false });
  await world.advance('1h');
  expect(await silence(world)).toEqual([
    expect.stringMatching(/^triggered: .* late: its newest event is of/),
  ]);
});
