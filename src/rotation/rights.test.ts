import { describe, expect, test } from 'vitest';
import type { AlteredRights, Mark } from '../model/index.ts';
import { HOUR } from '../model/index.ts';
import type { DriftPolicy } from './drift.ts';
import { foldPublication, type PublicationSituation } from './publication.ts';
import { INSTALLATION } from './testing/outside.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { markOf } from './versions.ts';
import { decideVisit } from './visit.ts';

const NOW = START + HOUR;
const RIGHTS: AlteredRights = {
  found: 'mode 644',
  wanted: 'mode 600',
  wider: true,
  repair: 'chmod 600 /run/app/.env',
};

/** A destination that has the current version. */
function settled(onDrift: DriftPolicy['onDrift'] = 'alert'): PublicationSituation {
  const world = World.managing();
  const destination = world.memory.destinations.get('file');
  if (destination === undefined) throw new TypeError('file is not known');
  const { snapshot, steps } = world.situation();
  return {
    destination,
    wanted: world.current,
    snapshot,
    steps,
    policy: world.policy,
    consumerLag: 0,
    drift: { check: HOUR, onDrift },
    spread: 0,
    hook: null,
  };
}

type There = {
  readonly fingerprint?: string | null;
  readonly mark?: Mark | null;
  readonly outdated?: boolean;
  readonly rights?: null;
};

function decide({ destination, wanted, snapshot, drift }: PublicationSituation, there: There = {}) {
  const mark = markOf(wanted, INSTALLATION);
  const { fingerprint } = wanted;
  const standing = { fingerprint, mark, rights: RIGHTS, ...there };
  return decideVisit({ destination, versions: snapshot.versions, drift }, standing, { mark, fingerprint });
}

const fold = (situation: PublicationSituation, visit: ReturnType<typeof decide>, failed = false) =>
  foldPublication(situation, { visit, failure: failed ? failure('permanent') : null }, NOW);
const told = ({ signals }: ReturnType<typeof fold>) =>
  signals.filter(({ kind }) => kind === 'file-permissions').map(({ type }) => type);

describe('rights that somebody changed', () => {
  test('are told and left under `alert`, at every look until they are right again', () => {
    const known = settled('alert');
    expect(decide(known)).toEqual({ do: 'nothing', rights: RIGHTS });
    const folded = fold(known, decide(known));
    expect(told(folded)).toEqual(['raise']);
    expect(folded.signals.find(({ type }) => type === 'raise')).toMatchObject({
      severity: 'warning',
      condition: 'file',
      title: 'frameflow-prod: file has mode 644, not mode 600',
      summary: expect.stringContaining('may have read the key'),
      action: expect.stringMatching(
        /^`chmod 600 \/run\/app\/\.env` \(looked at again within 1h\).*`keywarden rotate frameflow-prod`$/,
      ),
      evidence: { found: 'mode 644', wanted: 'mode 600', wider: true, written: false },
    });
    expect(folded.changes.map(({ type }) => type)).toEqual(['destination.put']);
    expect(told(fold(known, { do: 'nothing' }))).toEqual(['resolve']);
  });

  test('are set right under `overwrite`, told, audited, and their end told at once', () => {
    const known = settled('overwrite');
    expect(decide(known)).toEqual({ do: 'write', valueThere: true, drift: null, rights: RIGHTS });
    const folded = fold(known, decide(known));
    expect(told(folded)).toEqual(['raise', 'resolve']);
    expect(folded.signals[1]).toMatchObject({
      title: expect.stringContaining('it is set right'),
      evidence: { written: true },
    });
    expect(folded.changes).toContainEqual(
      expect.objectContaining({
        entry: expect.objectContaining({
          action: 'destination.drifted',
          detail: expect.objectContaining({ found: 'mode 644' }),
        }),
      }),
    );
  });

  test('that could not be set right are told, and stay', () => {
    const known = settled('overwrite');
    const folded = fold(known, decide(known), true);
    expect(told(folded)).toEqual(['raise']);
    expect(folded.signals[0]).toMatchObject({ summary: expect.stringContaining('could not be written') });
  });

  test('are told beside a value that is left as it is', () => {
    const known = settled('alert');
    const visit = decide(known, { fingerprint: 'theirs', mark: null });
    expect(visit).toMatchObject({ do: 'leave', rights: RIGHTS });
    expect(told(fold(known, visit))).toEqual(['raise']);
  });

  test('are told of the version before, over which the new one is written', () => {
    const known = settled('alert');
    const older = { ...known, destination: { ...known.destination, versionId: 'older' } };
    const visit = decide(older, {
      fingerprint: 'older',
      mark: { ...markOf(known.wanted, INSTALLATION), number: 0 },
    });
    expect(visit).toMatchObject({ do: 'write', rights: RIGHTS });
    expect(told(fold(older, visit))).toEqual(['raise', 'resolve']);
  });

  test('are none where Keywarden has never published', () => {
    const known = settled('alert');
    const fresh = { ...known, destination: { ...known.destination, versionId: null } };
    const visit = decide(fresh, { mark: null });
    expect(visit).toEqual({ do: 'write', valueThere: true, drift: null });
    expect(told(fold(fresh, visit))).toEqual(['resolve']);
  });

  test('that are narrower are told as what they are', () => {
    const known = settled('alert');
    const rights = { ...RIGHTS, found: 'mode 400', wider: false };
    const [signal] = fold(known, { do: 'nothing', rights }).signals.filter(({ type }) => type === 'raise');
    expect(signal).toMatchObject({ summary: expect.stringContaining('may not be able to') });
    expect(JSON.stringify(signal)).not.toContain('keywarden rotate');
  });
});

test('a destination that Keywarden may no longer read is told at once, and is no store that is down', () => {
  const known = settled();
  const locked = failure('permanent', 'no_right');
  const { signals } = foldPublication(known, { visit: null, failure: locked }, NOW);
  expect(signals).toMatchObject([
    { type: 'raise', kind: 'file-permissions', severity: 'warning', evidence: { code: 'no_right' } },
  ]);
});

test.each(['alert', 'overwrite'] as const)(
  'what would be written in another form now is written, and nobody is told (%s)',
  (onDrift) => {
    const known = settled(onDrift);
    const visit = decide(known, { outdated: true, rights: null });
    expect(visit).toEqual({ do: 'write', valueThere: true, drift: null });
    expect(fold(known, visit).signals.filter(({ type }) => type === 'raise')).toEqual([]);
  },
);
