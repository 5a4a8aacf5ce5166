import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { order } from '../support/orders.ts';
import { makeWorld, type World } from '../support/world.ts';

const RENDERER = { ip: '203.0.113.40', user_agent: 'render-farm/7' };
const NIGHTLY = { ip: '203.0.113.41', user_agent: 'nightly/2.1' };

const SETTINGS = { destinations: ['file'], publish: { file: { consumerLag: '10m' } } } as const;

/** An overlap of 72 hours in which these go on with the old key. */
async function overlap(
  options: { readonly consumerLag?: string } = {},
): Promise<{ world: World; old: string }> {
  const { consumerLag = '10m' } = options;
  const world = await makeWorld({
    ...SETTINGS,
    publish: { file: { consumerLag } },
    every: 20 * MINUTE,
    // The application of this world would be one more user.
    application: false,
  });
  const old = world.sandbox.frameflow.firstKey.id;
  await order(world, 'rotate');
  await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
  return { world, old };
}

/** They call until then, once in 20 minutes. */
async function callUntil(
  world: World,
  end: number,
  callers: ReadonlyArray<{ readonly ip: string; readonly user_agent: string; readonly key_id: string }>,
): Promise<void> {
  while (world.time < end) {
    world.sandbox.admin.playEvents(callers);
    await world.advance(20 * MINUTE);
  }
}

test('who still uses the old key is named 24 hours and 6 hours before its end, each time anew, until the last has moved', async () => {
  const { world, old } = await overlap();
  const end = (await world.rotation()).overlapEndsAt ?? 0;
  const fresh = world.sandbox.frameflow.keys().at(-1)?.id ?? '';
  const both = [RENDERER, NIGHTLY].map((user) => ({ ...user, key_id: old }));
  await callUntil(world, end - 25 * HOUR, both);
  expect(await world.alerts('old-key-in-use')).toEqual([]);

  await callUntil(world, end - 23 * HOUR, both);
  const [first] = await world.alerts('old-key-in-use');
  expect(first).toMatchObject({ state: 'triggered', severity: 'warning', deadline: end });
  expect(first?.evidence).toMatchObject({
    keyId: old,
    users: 2,
    ips: expect.arrayContaining([RENDERER.ip, NIGHTLY.ip]),
  });
  expect(JSON.stringify(first?.evidence.seen)).toMatch(
    /203\.0\.113\.40 render-farm\/7: [34] calls an hour, last at 2026-/,
  );

  // The nightly job has its new key now; the renderer does not.
  const moved = [
    { ...NIGHTLY, key_id: fresh },
    { ...RENDERER, key_id: old },
  ];
  await callUntil(world, end - 5 * HOUR, moved);
  const [again, second] = await world.alerts('old-key-in-use');
  expect(again?.state).toBe('resolved');
  expect(second).toMatchObject({ state: 'triggered', evidence: { users: 1, ips: [RENDERER.ip] } });
  expect(second?.dedupKey).not.toBe(first?.dedupKey);

  await callUntil(world, end - 4 * HOUR, [{ ...RENDERER, key_id: fresh }]);
  expect((await world.alerts('old-key-in-use')).map(({ state }) => state)).toEqual(['resolved', 'resolved']);
  expect(world.slack.counts()).toMatchObject({ 'old-key-in-use': 2, 'old-key-in-use resolved': 2 });
  await callUntil(world, end + HOUR, [{ ...RENDERER, key_id: fresh }]);
  expect((await world.rotation()).state).toBe('completed');
  world.pagerduty.expectQuiet();
});

test('who has the old key cached for as long as its destination declares is no straggler', async () => {
  const { world, old } = await overlap({ consumerLag: '40h' });
  const end = (await world.rotation()).overlapEndsAt ?? 0;
  await callUntil(world, end - 33 * HOUR, [{ ...RENDERER, key_id: old }]);
  await world.advance(33 * HOUR - MINUTE);
  expect(await world.alerts('old-key-in-use')).toEqual([]);
});

test('who was named stays named where other times are configured in the middle of the overlap', async () => {
  const { world, old } = await overlap();
  const end = (await world.rotation()).overlapEndsAt ?? 0;
  const renderer = [{ ...RENDERER, key_id: old }];
  await callUntil(world, end - 23 * HOUR, renderer);
  await world.stop();
  await world.configure({ ...SETTINGS, stragglers: { warnBefore: ['2h'] } });
  await world.start();
  expect((await world.alerts('old-key-in-use')).map(({ state }) => state)).toEqual(['triggered']);
  // The other time that the rotation began with comes too, and the new one does not.
  await callUntil(world, end - HOUR, renderer);
  expect((await world.alerts('old-key-in-use')).map(({ state }) => state)).toEqual(['resolved', 'triggered']);
  await world.advance(2 * HOUR);
  expect((await world.alerts('old-key-in-use')).map(({ state }) => state)).toEqual(['resolved', 'resolved']);
});

test('who goes on after the end is told as a use of a retired key', async () => {
  const { world, old } = await overlap();
  const end = (await world.rotation()).overlapEndsAt ?? 0;
  await callUntil(world, end, [{ ...RENDERER, key_id: old }]);
  await callUntil(world, end + 2 * HOUR, [{ ...RENDERER, key_id: old, status: 401 } as never]);
  expect((await world.alerts('old-key-in-use')).filter(({ state }) => state !== 'resolved')).toEqual([]);
  const [use] = await world.alerts('retired-key-use');
  expect(use?.evidence).toMatchObject({ keyId: old });
  await world.advance(DAY);
});
