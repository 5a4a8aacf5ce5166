import { expect, test } from 'vitest';
import { type Change, Secret, type Work } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { put, T, version } from './samples.suite.ts';

const LANE = 'all';
const value = Secret.from('ff_live_value');

/** Everything that one credential can have. */
function all(name: string): Change[] {
  const id = (suffix: string) => `${name}:${suffix}`;
  const work = (kind: Work['kind'], at: string): Change => put.work({ kind, id: at, lane: LANE });
  return [
    put.credential({ name }),
    { type: 'version.put', version: version({ id: id('v'), credential: name, keyId: id('key') }), value },
    put.version({ id: id('lost'), credential: name, number: 2, keyId: null }),
    put.destination({ credential: name }),
    put.rotation({ id: id('r'), credential: name }),
    put.step({ rotationId: id('r') }),
    { type: 'journal.put', rotationId: id('r'), answer: Secret.from('one'), at: T },
    { type: 'journal.put', rotationId: id('r'), answer: Secret.from('two'), at: T },
    put.mint({ id: id('event'), credential: name }),
    put.user({ keyId: id('key') }),
    { type: 'use.put', keyId: id('key'), at: T },
    work('credential', name),
    work('publication', `${name} vault:footage/frameflow#api_key`),
    work('hook', `${name} vault:footage/frameflow#api_key`),
    put.alert({ id: id('alert'), identity: id('alert'), credential: name }),
    put.audit({ credential: name }),
  ];
}

/** What the state tells of it. */
async function trace(state: State, name: string): Promise<unknown> {
  const id = (suffix: string) => `${name}:${suffix}`;
  const claims = await state.claim(LANE, { now: T, until: T, limit: 100 });
  return {
    snapshot: await state.credential(name),
    value: await state.versionValue(id('v')).catch((error: { code: string }) => error.code),
    rotation: await state.rotation(id('r')),
    steps: (await state.steps(id('r'))).length,
    answers: (await state.journalled(id('r'))).length,
    users: (await state.keyUsers([id('key')])).length,
    uses: (await state.keyUses([id('key')])).size,
    due: claims.filter((claim) => claim.id.split(' ')[0] === name).map((claim) => claim.kind),
  };
}

const NOTHING = {
  snapshot: null,
  value: 'state_corrupt',
  rotation: null,
  steps: 0,
  answers: 0,
  users: 0,
  uses: 0,
  due: [],
};

/** The purge of a credential that nobody configures any more. */
export function forgetContract(state: () => State): void {
  test('a credential that is forgotten leaves its audit log and its alerts, and no other one changes', async () => {
    // Names that begin alike, and one that a pattern would take for the same.
    const others = ['frameflow', 'frameflow-prod-2', 'frameflow.prod'];
    await state().commit(['frameflow-prod', ...others].flatMap(all));
    const before = await Promise.all(others.map((name) => trace(state(), name)));
    expect(before[0]).toMatchObject({ steps: 1, answers: 2, users: 1, uses: 1 });
    await state().commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
    expect(await trace(state(), 'frameflow-prod')).toEqual(NOTHING);
    expect(await Promise.all(others.map((name) => trace(state(), name)))).toEqual(before);
    expect(await state().alert('frameflow-prod:alert')).not.toBeNull();
    expect((await state().audit({ credential: 'frameflow-prod' })).items).toHaveLength(1);
  });

  test('forgetting what is not known changes nothing, and a forgotten name can be used anew', async () => {
    await state().commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
    await state().commit(all('frameflow-prod'));
    await state().commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
    await state().commit(all('frameflow-prod').filter(({ type }) => !type.startsWith('alert')));
    expect(await state().credential('frameflow-prod')).toMatchObject({
      revision: 1,
      versions: [{ number: 2 }, { number: 1 }],
      mints: [{ id: 'frameflow-prod:event' }],
    });
  });
}
