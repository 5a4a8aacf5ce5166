import { afterEach, beforeEach, expect, test } from 'vitest';
import { blankRotation } from '../rotation/blank-rotation.ts';
import { managedKeys, supersededIn } from './log-facts.ts';
import { START, WatchWorld } from './watch/testing/world.ts';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
});
afterEach(() => w.state.close());

test('a key that was superseded names the rotation that did it', async () => {
  const rotation = {
    ...blankRotation('prod', 'rotation-1', START),
    state: 'completed',
    previousVersionId: 'version-1',
    newVersionId: 'version-2',
    endedAt: START,
  } as const;
  await w.commit({ type: 'rotation.put', rotation });
  const snapshots = await w.state.credentials();
  expect(supersededIn(snapshots)).toEqual(['version-1']);
  const keys = managedKeys(snapshots, await w.state.supersededBy(supersededIn(snapshots)));
  expect(keys.map(({ keyId, credential, retiredBy }) => [keyId, credential, retiredBy])).toEqual([
    ['key_2', 'prod', null],
    ['key_1', 'prod', 'rotation-1'],
  ]);
});
