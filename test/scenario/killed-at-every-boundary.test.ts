import { afterAll, describe, expect, test } from 'vitest';
import { DAY } from '../../src/model/index.ts';
import { Passage, RotationAfterRotation } from '../support/rotation-boundaries.ts';
import { makeWorld, START } from '../support/world.ts';

let story = await RotationAfterRotation.open();
const boundaries = await story.boundaries();
afterAll(() => story.world.end());

test('a rotation has the boundaries that this file is about', () => {
  expect(boundaries.length).toBeGreaterThan(80);
  for (const effect of [
    'preflight at vault',
    'mint at frameflow',
    'verify at frameflow',
    'publish at aws',
    'deliver at team',
  ]) {
    expect(boundaries).toContain(`before ${effect}`);
    expect(boundaries).toContain(`after ${effect}`);
  }
});

describe('a rotation goes on as if nothing had been where the process is killed', () => {
  test.each(boundaries)('%s', async (boundary) => {
    try {
      await story.survive(boundary);
    } catch (error) {
      // What this one has left behind is none of the next one's business.
      await story.world.end();
      story = await RotationAfterRotation.open();
      throw error;
    }
  });
});

test('400 days, four rotations, the process killed all along: the application is never refused', async () => {
  const left = new Map(boundaries.map((name, index) => [name, index % 4]));
  let passage = new Passage();
  let rotations = 0;
  const world = await makeWorld({
    killable: (boundary) => {
      const name = passage.name(boundary);
      return (left.get(name) ?? 4) <= rotations && left.delete(name);
    },
  });
  while (rotations < 4) {
    const done = async () => (await world.rotations()).filter(({ state }) => state === 'completed').length;
    await world.until(async () => (await done()) > rotations);
    passage = new Passage();
    rotations += 1;
  }
  await world.advance('38d');
  expect(world.time - START).toBeGreaterThan(400 * DAY);
  // A kill changes what the rest of its rotation passes; the tests above leave none out.
  expect(left.size).toBeLessThan(boundaries.length / 8);
  expect((await world.rotations()).map(({ state }) => state)).toEqual(Array(4).fill('completed'));
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(5);
  const { versions, open } = await world.credential();
  expect([open, ...versions.map(({ state }) => state)]).toEqual([
    null,
    'current',
    ...Array(4).fill('retired'),
  ]);
  expect(Object.keys(world.slack.counts())).toEqual(['rotation-completed']);
  world.pagerduty.expectQuiet();
}, 60_000);
