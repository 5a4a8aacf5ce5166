import { expect, test } from 'vitest';
import { DAY, MINUTE, SECOND } from '../../model/index.ts';
import { Random } from '../testing/random.ts';
import { Estate, FAULTS } from './testing/estate.ts';

/*
 * Random histories of a client's grants: any request may fail in any way, the process may die after any step, users and
 * applications do what they like. `testing/estate.ts` holds each presentation of a token and each commit against the laws.
 */

const SEEDS = 60;

/** Lives through one history, and then lets all faults end. */
function live(seed: number, kinds: (typeof FAULTS)[number][], grace: number, busy = true): Estate {
  const estate = new Estate(new Random(seed), kinds, 25, grace);
  estate.busy = busy;
  for (let step = 0; step < 120; step += 1) {
    if (busy) estate.happen();
    else estate.use(`user-${step % 25}`);
    estate.turn();
    estate.advance();
  }
  return estate;
}

/** The faults end; everybody comes back for a token, again and again. */
function heal(estate: Estate): void {
  estate.faults = 0;
  for (let step = 0; step < 200; step += 1) {
    for (const subject of estate.rows.keys()) if (step % 20 === 0) estate.use(subject);
    estate.turn();
    estate.advance();
  }
}

const each = (name: string, run: (seed: number) => void): void => {
  test(name, () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        run(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
};

each('whatever happens, no law is broken, and once the faults end nothing is left of them', (seed) => {
  const estate = live(seed, FAULTS.toSpliced(FAULTS.indexOf('denied'), 1), seed % 2 === 0 ? 30 * SECOND : 0);
  heal(estate);
  const dead = [...estate.rows.values()].filter(({ held }) => held.grant.state === 'consent-required');
  for (const { held } of estate.rows.values()) {
    expect(held.grant.state).not.toBe('forgotten');
    expect(held.grant.attempt).toBeNull();
    expect(held.answer).toBeNull();
  }
  if (dead.length < estate.rows.size) {
    expect(estate.client).toMatchObject({ pause: null, failures: 0, faults: {} });
    expect([...estate.alerts].filter((alert) => alert.startsWith('refresh-failed'))).toEqual([]);
  }
});

each('where no answer is lost, no grant is lost', (seed) => {
  const harmless = FAULTS.filter((fault) => !/lost|crash-[ab]|denied|no-token/.test(fault));
  const estate = live(seed, harmless, 0, false);
  heal(estate);
  for (const { held } of estate.rows.values()) expect(held.grant.state).toBe('active');
});

each('with a grace, an answer that is lost now and then costs no grant', (seed) => {
  const estate = new Estate(new Random(seed), ['lost-after', 'lost-before', 'no-token'], 25, 2 * MINUTE);
  estate.busy = false;
  estate.faults = 0.1;
  const until = estate.now + 3 * DAY;
  while (estate.now < until) {
    estate.use(`user-${seed % 25}`);
    for (let second = 0; second < 20; second += 1) {
      estate.turn();
      estate.now += 3 * SECOND;
    }
    estate.now += 30 * MINUTE;
  }
  for (const { held } of estate.rows.values()) expect(held.grant.state).toBe('active');
});

test('a server that denies all grants for an hour costs less than twenty of a client’s', () => {
  const estate = new Estate(new Random(1), ['denied'], 200, 0);
  estate.faults = 1;
  const from = estate.now + DAY;
  for (estate.now = from; estate.now < from + 60 * MINUTE; estate.now += SECOND) {
    for (const subject of estate.rows.keys()) if (estate.now === from) estate.use(subject);
    estate.turn();
  }
  const dead = () =>
    [...estate.rows.values()].filter(({ held }) => held.grant.state === 'consent-required').length;
  expect(dead()).toBe(19);
  expect([...estate.alerts]).toHaveLength(20);
  heal(estate);
  expect(dead()).toBe(19);
  expect([...estate.alerts]).toHaveLength(19);
});
