import { describe, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { fold, intend } from './fold.ts';
import type { Action, Outcome } from './situation.ts';
import { failure } from './testing/provider.ts';
import { World } from './testing/world.ts';

/** A world in an overlap, and one action of every kind that could be planned in it. */
function everyAction(): { world: World; actions: readonly Action[] } {
  const world = World.managing();
  world.rotate();
  world.advance('1m');
  const rotation = world.last;
  const version = world.current;
  const mint = {
    id: 'event',
    credential: version.credential,
    signerKeyId: 'key_1',
    mintedKeyId: 'key_9',
    at: world.now,
    ip: '192.0.2.1',
    userAgent: null,
  };
  const goneBack = {
    ...rotation,
    previousVersionId: rotation.newVersionId,
    newVersionId: rotation.previousVersionId,
  };
  const intent = { idempotencyKey: 'key', signerVersionId: version.id, committedAt: world.now, sends: 1 };
  return {
    world,
    actions: [
      { do: 'wait', until: null },
      { do: 'adopt' },
      { do: 'install', version },
      { do: 'retire', versions: [version] },
      { do: 'begin', queued: null },
      { do: 'supersede', by: null },
      { do: 'preflight', rotation },
      { do: 'mint', rotation, intent },
      { do: 'take', rotation },
      { do: 'verify', rotation: { ...rotation, state: 'verifying' }, version },
      { do: 'settle', rotation },
      { do: 'close', rotation },
      { do: 'attend', rotation },
      { do: 'account', mints: [mint] },
      { do: 'recover' },
      { do: 'remint', rotation: { ...rotation, state: 'attention' }, version },
      { do: 'comeback', rotation: goneBack },
      { do: 'probe', version },
      { do: 'keepAlive', version },
    ],
  };
}

const refused = { versionId: 'version', accepted: false, failure: failure('rejected') };

const OUTCOMES: readonly Outcome[] = [
  { of: 'adopt', readings: [], configured: null, fault: null },
  { of: 'preflight', results: [] },
  { of: 'mint', answer: Secret.from('{}') },
  { of: 'take', failure: failure('unknown') },
  { of: 'verify', keyId: null },
  { of: 'recover', readings: [], held: [] },
  { of: 'probe', test: refused },
  { of: 'keepAlive', test: refused },
  { of: 'step' },
];

const OUTSIDE: readonly string[] = [
  'adopt',
  'preflight',
  'mint',
  'take',
  'verify',
  'recover',
  'probe',
  'keepAlive',
];

function belongs(action: Action, outcome: Outcome): boolean {
  if (action.do === 'wait') return false;
  return OUTSIDE.includes(action.do) ? outcome.of === action.do : outcome.of === 'step';
}

const { world, actions } = everyAction();
const pairs = actions.flatMap((action) => OUTCOMES.map((outcome) => ({ action, outcome })));
const run = ({ action, outcome }: (typeof pairs)[number]) =>
  fold(world.situation(), action, outcome, world.now, () => 'id');

describe('fold', () => {
  test.each(pairs.filter(({ action, outcome }) => !belongs(action, outcome)))(
    'refuses the outcome $outcome.of for the action $action.do',
    (pair) => {
      expect(() => run(pair)).toThrow(TypeError);
    },
  );

  test.each(pairs.filter(({ action, outcome }) => belongs(action, outcome)))(
    'takes the outcome of $action.do',
    (pair) => {
      expect(run(pair).changes.length).toBeGreaterThan(0);
    },
  );

  test('refuses to supersede where nothing is open', () => {
    const idle = World.managing();
    const act = () =>
      fold(idle.situation(), { do: 'supersede', by: null }, { of: 'step' }, idle.now, () => 'id');
    expect(act).toThrow('there is no open rotation to supersede');
  });
});

test('only a mint has an intent to be committed before it', () => {
  const intended = actions.filter((action) => intend(world.situation(), action, world.now).length > 0);
  expect(intended.map((action) => action.do)).toEqual(['mint']);
});

test('nothing that is folded, told or kept shows a secret', () => {
  const story = World.managing();
  story.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
  story.rotate();
  story.advance('10d');
  const { audits, rotations, steps, destinations, versions } = story.memory;
  const seen = JSON.stringify([
    story.told,
    audits,
    [...rotations.values()],
    [...steps.values()],
    [...destinations.values()],
    [...versions.values()].map(({ fingerprint: _print, ...rest }) => rest),
  ]);
  expect(seen).not.toContain('value-of-key');
  expect(seen).toContain('key_2');
});
