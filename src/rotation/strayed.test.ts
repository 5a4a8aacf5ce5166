import { expect, test } from 'vitest';
import type { Version } from '../model/index.ts';
import { Secret } from '../model/index.ts';
import { type Strayed, strayedAnswer } from './strayed.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

const key = {
  value: Secret.from('the stray key'),
  fingerprint: 'stray',
  keyId: 'key_stray',
  createdAt: START,
};

function strayed(fields: Partial<Strayed> = {}, more: readonly Version[] = []): Strayed {
  const { snapshot } = World.managing().situation();
  return {
    snapshot: { ...snapshot, versions: [...more, ...snapshot.versions] },
    rotationId: 'gone',
    answer: Secret.from('the answer'),
    at: START,
    key,
    ...fields,
  };
}

const known = (fields: Partial<Version>): Version => {
  const [version] = World.managing().memory.snapshot().versions;
  if (version === undefined) throw new TypeError('there is no version');
  return { ...version, id: 'known', number: 2, ...fields };
};

test('a key that no rotation waits for is kept as unused, its value sealed with it, and wakes somebody', () => {
  const { changes, signals } = strayedAnswer(strayed(), START, () => 'new');
  expect(changes[0]).toMatchObject({
    type: 'version.put',
    version: { id: 'new', number: 2, state: 'unused', keyId: 'key_stray', fingerprint: 'stray' },
    value: key.value,
  });
  expect(signals).toMatchObject([{ kind: 'key-orphaned', severity: 'critical' }]);
});

test('a key that some version holds is no news', () => {
  const version = known({ fingerprint: 'stray', state: 'retired' });
  expect(strayedAnswer(strayed({}, [version]), START, () => 'new')).toEqual({ changes: [], signals: [] });
});

test('a key that was told as lost has been found: its version gets the value', () => {
  const version = known({ fingerprint: null, state: 'orphaned', keyId: 'key_stray' });
  const { changes } = strayedAnswer(strayed({}, [version]), START, () => 'new');
  expect(changes[0]).toMatchObject({
    version: { id: 'known', number: 2, state: 'unused' },
    value: key.value,
  });
});

test('an answer that cannot be read is kept in the journal, and wakes somebody', () => {
  const unreadable = strayed({ key: { failure: failure('unknown') } });
  const { changes, signals } = strayedAnswer(unreadable, START, () => 'new');
  expect(changes).toEqual([
    { type: 'journal.put', rotationId: 'gone', answer: unreadable.answer, at: START },
  ]);
  expect(signals).toMatchObject([{ kind: 'key-orphaned', severity: 'critical', transient: true }]);
});
