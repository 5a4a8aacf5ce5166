import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY, HOUR, type Rotation } from '../../model/index.ts';
import { blankRotation } from '../../rotation/blank-rotation.ts';
import { answered, findingOf, summaryOf } from './testing/answers.ts';
import { NO_RULES, START, version, WatchWorld } from './testing/world.ts';

const STRANGER = '198.51.100.7';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
});
afterEach(() => w.state.close());

const rotations = async () => (await w.state.rotations({ credential: 'prod' })).items;

const rotationFor = (reason: string) =>
  expect.objectContaining({ type: 'rotation.put', rotation: expect.objectContaining({ reason }) });

describe('what another key would not help against', () => {
  const DECLINED = 'Keywarden has not begun an emergency rotation';

  test.each([
    ['retiring', 'key_1 was superseded already by rotation scheduled-1.'],
    ['retired', 'key_1 was superseded already by rotation scheduled-1.'],
    ['compromised', 'key_1 was superseded already by rotation scheduled-1.'],
    ['unused', 'key_1 was never put to use, and prod has another key.'],
    ['orphaned', 'key_1 was never put to use, and prod has another key.'],
  ] as const)('is a key that is %s: its alert says so', async (at, why) => {
    const rotation: Rotation = {
      ...blankRotation('prod', 'scheduled-1', START),
      state: 'completed',
      previousVersionId: 'version-1',
      newVersionId: 'version-2',
      endedAt: START,
    };
    const superseded = at !== 'unused' && at !== 'orphaned';
    await w.commit(
      { type: 'version.put', version: version(1, at) },
      ...(superseded ? [{ type: 'rotation.put', rotation } as const] : []),
    );
    const retired = findingOf(w, { kind: 'retired-key-use', condition: `key_1 ${STRANGER}`, keyId: 'key_1' });
    const { signals, changes } = await answered(w, retired);
    expect(changes).toEqual([]);
    expect(summaryOf(signals[0])).toContain(`${DECLINED}: ${why}`);
  });

  test('is an old key that calls from a new network every 30 hours', async () => {
    w.rules = {
      ...NO_RULES,
      detectors: { 'retired-key-use': {} },
      rotate: { 'retired-key-use': ['critical'] },
    };
    await w.commit({ type: 'version.put', version: version(1, 'retired') });
    for (let network = 1; network <= 3; network += 1) {
      w.log.push(w.call('key_1', { ip: `198.51.${network}.7`, status: 401 }));
      await w.poll();
      expect((await w.state.alerts({})).items[0]).toMatchObject({
        kind: 'retired-key-use',
        severity: 'critical',
      });
      w.now += 30 * HOUR;
    }
    expect(await rotations()).toEqual([]);
  });

  test('is a key that is not named, or that is gone', async () => {
    const { signals, changes } = await answered(
      w,
      findingOf(w, { keyId: null }),
      findingOf(w, { keyId: 'key_9', condition: 'key_9' }),
    );
    expect(changes).toEqual([]);
    expect(summaryOf(signals[0])).toContain(`${DECLINED}: no key is named`);
    expect(summaryOf(signals[1])).toContain(`${DECLINED}: key_9 is no key of prod any more.`);
  });

  test('is guessing that did not get in; what got in rotates, also where another detector says so', async () => {
    const spike = findingOf(w, { kind: 'auth-failure-spike', condition: 'key key_2' });
    const refused = await answered(w, spike);
    expect(refused.changes).toEqual([]);
    expect(summaryOf(refused.signals[0])).toContain(`${DECLINED}: all these logins were refused`);
    const borne = { ...spike, also: [{ kind: 'volume-surge', severity: 'critical', title: '' }] as const };
    expect((await answered(w, borne)).changes).toEqual([]);

    const gotIn = await answered(w, { ...spike, evidence: { gotIn: [STRANGER] } });
    expect(gotIn.changes).toContainEqual(rotationFor('auth-failure-spike'));
    const also = [{ kind: 'auth-failure-spike', severity: 'critical', title: '' }] as const;
    const bearer = findingOf(w, { kind: 'failures-then-success', also });
    expect((await answered(w, bearer)).changes).toContainEqual(rotationFor('auth-failure-spike'));
    const other = {
      ...spike,
      also: [{ kind: 'outside-allowlist', severity: 'critical', title: '' }] as const,
    };
    expect((await answered(w, other)).changes).toContainEqual(rotationFor('outside-allowlist'));
  });

  test('is an incident that was over before the last rotation, under whatever name it goes on', async () => {
    const lastEventAt = w.now - 1;
    await w.commit(...(await answered(w, findingOf(w))).changes);
    const [first] = await rotations();
    if (first === undefined) throw new Error('nothing was begun');
    const failed: Rotation = { ...first, state: 'failed', queued: false, endedAt: w.now };
    await w.commit({ type: 'rotation.put', rotation: failed });
    w.now += 2 * DAY;
    const handedOver = findingOf(w, { kind: 'impossible-travel', condition: 'key_2 BR', lastEventAt });
    const { signals, changes } = await answered(w, handedOver);
    expect(changes).toEqual([]);
    expect(summaryOf(signals[0])).toContain(`${DECLINED}: emergency rotation ${first.id} was begun at`);
    expect(summaryOf(signals[0])).toContain('and there was no such call since.');
    expect((await answered(w, { ...handedOver, lastEventAt: w.now })).changes).not.toEqual([]);
  });
});
