import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/model/index.ts';
import { attempt, look, order } from '../support/orders.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, type World } from '../support/world.ts';

const STRANGER = { ip: '198.51.100.7', user_agent: 'curl/8.11.0' };

/** The window is as good as closed. */
function leaked(every = 30 * MINUTE): Promise<World> {
  return makeWorld({
    destinations: ['file', 'vault'],
    rotation: { window: 'Mon 09:00-10:00 UTC', jitter: '6h' },
    every,
  });
}

describe('a key that is known to others', () => {
  test('is replaced at once, and reminded of until the provider refuses it', async () => {
    const world = await leaked(6 * HOUR);
    const { firstKey } = world.sandbox.frameflow;
    const told = await order(world, 'compromise', { reason: 'pushed to a public repository' });
    expect(told.rotation).toMatchObject({ trigger: 'emergency', reason: 'pushed to a public repository' });
    await world.advance('5m');
    for (const place of [world.file, world.vault]) await place.expectVersion(2);
    const [first] = await world.alerts('key-compromised');
    expect(first).toMatchObject({ severity: 'critical', evidence: { keyId: firstKey.id } });
    expect(first?.action).toContain(`Revoke ${firstKey.id} in the provider's console`);
    const { overlapEndsAt } = await world.rotation();
    const [open] = (await world.alerts('key-compromised')).filter(({ state }) => state !== 'resolved');
    expect(open?.deadline).toBe(overlapEndsAt);
    const shown = await look(world, `/v1/credentials/${CREDENTIAL}`);
    expect(shown.versions).toContainEqual(
      expect.objectContaining({
        keyId: firstKey.id,
        state: 'compromised',
        compromisedAt: expect.any(String),
      }),
    );

    // At once, after 4 and 12 hours, and daily: each under a dedup key of its own.
    await world.advance('71h');
    const pages = world.pagerduty.incidents('key-compromised');
    expect(pages).toHaveLength(5);
    expect(new Set(pages.map(({ dedupKey }) => dedupKey)).size).toBe(5);
    expect(pages.filter(({ status }) => status === 'triggered')).toHaveLength(1);
    await world.advance('2h');
    world.pagerduty.expectResolved('key-compromised');
    expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current', 'retired']);
    await world.advance('10d');
    expect(world.pagerduty.incidents('key-compromised')).toHaveLength(5);
  });

  test('and that a person revokes in the console ends the reminders within the hour', async () => {
    const world = await leaked();
    const { firstKey } = world.sandbox.frameflow;
    await order(world, 'compromise');
    await world.advance('3h');
    world.pagerduty.expectTriggered('key-compromised');
    world.sandbox.admin.revokeKey(firstKey.id);
    await world.advance('61m');
    world.pagerduty.expectResolved('key-compromised');
    expect(world.pagerduty.incidents('key-compromised')).toHaveLength(1);
  });

  test('and that somebody uses is told with every new source, critical wherever it comes from', async () => {
    const world = await leaked();
    const { firstKey } = world.sandbox.frameflow;
    await order(world, 'compromise');
    await world.advance('2h');
    world.sandbox.admin.playEvents([{ ...STRANGER, key_id: firstKey.id }]);
    await world.advance('1h');
    const page = world.pagerduty.expectTriggered('retired-key-use');
    expect(page.summary).toContain(firstKey.id);
    // From where the applications always call, too.
    world.sandbox.admin.playEvents([{ ip: '127.0.0.9', user_agent: 'render-farm/7', key_id: firstKey.id }]);
    await world.advance('1h');
    const told = await world.alerts('retired-key-use');
    expect(told.map(({ severity, evidence }) => [severity, evidence.keyId])).toEqual(
      Array(told.length).fill(['critical', firstKey.id]),
    );
    expect(told.flatMap(({ evidence }) => evidence.ips)).toEqual(
      expect.arrayContaining([STRANGER.ip, '127.0.0.9']),
    );
  });

  test('in an overlap: the key that was just brought is replaced at once', async () => {
    const world = await leaked();
    await order(world, 'rotate', { emergency: true });
    await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
    const current = world.sandbox.frameflow.keys().at(-1);
    await order(world, 'compromise', { keyId: current?.id });
    await world.advance('5m');
    expect((await world.rotations()).map(({ state }) => state)).toEqual(['superseded', 'overlap']);
    for (const place of [world.file, world.vault]) await place.expectVersion(3);
    const { versions } = await world.credential();
    expect(versions.map(({ state }) => state)).toEqual(['current', 'compromised', 'retiring']);
    await world.advance('4d');
    world.pagerduty.expectResolved('key-compromised');
  });

  test('and retiring already: nothing is rotated, and its exposure is told', async () => {
    const world = await leaked();
    const { firstKey } = world.sandbox.frameflow;
    await order(world, 'rotate');
    await world.until(async () => (await world.rotations()).at(-1)?.state === 'overlap', '8d');
    const told = await order(world, 'compromise', { keyId: firstKey.id });
    expect(told.rotation).toBe(null);
    await world.advance('5m');
    const page = world.pagerduty.expectTriggered('key-compromised');
    expect(page.summary).toContain(firstKey.id);
    expect(await world.rotations()).toHaveLength(1);
  });

  test('that is none of ours is refused', async () => {
    const world = await leaked();
    const answer = await attempt(world, `/v1/credentials/${CREDENTIAL}/compromise`, { keyId: 'key_nobodys' });
    expect(answer).toMatchObject({
      status: 404,
      json: { detail: expect.stringContaining('no key key_nobodys') },
    });
  });
});

test('an emergency cuts into an overlap, publishes, and says what remains for a person', async () => {
  const world = await leaked();
  const { firstKey } = world.sandbox.frameflow;
  await order(world, 'rotate', { emergency: true, reason: 'the key stands in a ticket' });
  await world.advance('5m');
  await world.file.expectVersion(2);
  const told = world.sandbox.slack
    .messages()
    .map(({ payload }) => JSON.stringify(payload))
    .join('\n');
  expect(told).toContain(firstKey.id);
  expect(told).toMatch(/[Rr]evoke/);
  const { overlapEndsAt } = await world.rotation();
  expect(told).toContain(new Date(overlapEndsAt ?? 0).toISOString().slice(0, 16));
  await world.advance(73 * HOUR);
  expect((await world.rotation()).state).toBe('completed');
});
