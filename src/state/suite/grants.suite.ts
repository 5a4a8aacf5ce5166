import { describe, expect, test } from 'vitest';
import { type GrantState, Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import {
  answer,
  CLIENT,
  deleteGrant,
  expectGrant,
  grant,
  narrowToken,
  putGrant,
  SUBJECT,
  tokensOf,
} from './grant-samples.suite.ts';
import { credentialNames, put, T } from './samples.suite.ts';

const DAY = 86_400_000;
const NONE = { active: 0, 'consent-required': 0, forgotten: 0 };

/** Grants with their tokens, how many there are, and what becomes of them. `state()` is empty and belongs to the test. */
export function grantContract(state: () => State): void {
  const read = async (subject = SUBJECT) => {
    const held = await state().grant(CLIENT, subject);
    if (held === null) throw new Error(`there is no grant of ${subject}`);
    return held;
  };

  describe('a grant', () => {
    test.each([
      ['with everything', grant()],
      [
        'with nothing that can be missing',
        grant({
          scopes: [],
          refreshExpiresAt: null,
          accessSentAt: null,
          accessExpiresAt: null,
          usedAt: null,
          attempt: null,
          accessGeneration: 1,
          rejectedGeneration: null,
          retryAt: null,
          lastError: null,
        }),
      ],
      ['of a hostile subject', grant({ subject: '"]\u0000\u2028<b>\'; drop table grants --' })],
    ])('%s is read as it was put', async (_, made) => {
      await state().commit([putGrant(made)]);
      const held = await read(made.subject);
      expect(held.grant).toEqual(made);
      expect(held.refresh.equals(tokensOf(made.subject).refresh)).toBe(true);
      expect(held.access?.equals(tokensOf(made.subject).access)).toBe(true);
      expect(held.answer).toBeNull();
      expect(await state().grant(CLIENT, 'nobody')).toBeNull();
      expect(await state().grant('another', made.subject)).toBeNull();
    });

    test('keeps its tokens where a put gives none, and has those that one gives', async () => {
      await state().commit([putGrant()]);
      const { revision } = await read();
      await state().commit([{ type: 'grant.put', grant: grant({ generation: 4 }) }]);
      const kept = await read();
      expect(kept.grant.generation).toBe(4);
      expect(kept.refresh.reveal()).toBe(`refresh-${SUBJECT}`);
      expect(kept.revision).toBeGreaterThan(revision);
      const tokens = { refresh: Secret.from('ü'.repeat(5_000)), access: null };
      await state().commit([{ type: 'grant.put', grant: grant({ state: 'consent-required' }), tokens }]);
      const renewed = await read();
      expect(renewed.refresh.equals(tokens.refresh)).toBe(true);
      expect(renewed.access).toBeNull();
    });

    test('that is new without tokens is a defect, and nothing is written', async () => {
      const lone = { type: 'grant.put', grant: grant() } as const;
      await expect(state().commit([put.credential(), lone])).rejects.toThrow('has no tokens');
      expect(await credentialNames(state())).toEqual([]);
      expect(await state().grantCounts(CLIENT)).toEqual(NONE);
    });

    test('keeps one raw answer until it was taken in, and each has its own', async () => {
      await state().commit([putGrant(), putGrant({ subject: 'user-2' })]);
      await state().commit([answer('{"first":1}'), answer('{"other":1}', 'user-2')]);
      await state().commit([answer('{"second":2}')]);
      expect((await read()).answer?.reveal()).toBe('{"second":2}');
      await state().commit([answer(null)]);
      expect((await read()).answer).toBeNull();
      expect((await read('user-2')).answer?.reveal()).toBe('{"other":1}');
    });

    test('is written by nobody who read it before somebody else wrote it', async () => {
      await state().commit([expectGrant(null), putGrant()]);
      const { revision } = await read();
      await state().commit([expectGrant(revision), { type: 'grant.put', grant: grant({ generation: 9 }) }]);
      for (const late of [revision, null, revision + 9]) {
        const changes = [expectGrant(late), putGrant({ generation: 1 }), put.credential()];
        await expect(state().commit(changes)).rejects.toMatchObject({ code: 'stale' });
      }
      const unknown = [expectGrant(1, 'nobody'), put.credential()];
      await expect(state().commit(unknown)).rejects.toMatchObject({ code: 'stale' });
      expect((await read()).grant.generation).toBe(9);
      expect(await credentialNames(state())).toEqual([]);
    });

    test('is written by nobody who read it before its raw answer came', async () => {
      await state().commit([putGrant(), putGrant({ subject: 'user-2' })]);
      const [{ revision }, other] = [await read(), await read('user-2')];
      await state().commit([expectGrant(revision), answer('{}')]);
      const late = [expectGrant(revision), { type: 'grant.put', grant: grant({ generation: 9 }) } as const];
      await expect(state().commit(late)).rejects.toMatchObject({ code: 'stale' });
      expect(await read()).toMatchObject({ revision: revision + 1, grant: { generation: 3 } });
      expect((await read('user-2')).revision).toBe(other.revision);
      await state().commit([expectGrant(revision + 1), answer(null)]);
      expect((await read()).revision).toBe(revision + 1);
    });

    test('is used without becoming another: what was decided before is still good', async () => {
      await state().commit([putGrant({ usedAt: null })]);
      const { revision } = await read();
      const use = (at: number) => ({ type: 'grant.use', client: CLIENT, subject: SUBJECT, at }) as const;
      for (const at of [T + 5, T + 9, T + 7]) await state().commit([use(at)]);
      expect((await read()).grant.usedAt).toBe(T + 9);
      const asRead = { type: 'grant.put', grant: grant({ usedAt: null }) } as const;
      await state().commit([expectGrant(revision), asRead]);
      expect((await read()).grant.usedAt).toBe(T + 9);
      await state().commit([putGrant({ usedAt: T + 8 }), putGrant({ usedAt: T + 10 })]);
      expect((await read()).grant.usedAt).toBe(T + 10);
    });

    test('that is deleted leaves nothing behind, also for one that is made anew', async () => {
      await state().commit([putGrant(), putGrant({ subject: 'user-2' }), answer('{}')]);
      await state().commit([{ type: 'narrow.put', token: narrowToken() }]);
      await state().commit([deleteGrant(), deleteGrant('nobody')]);
      expect(await state().grant(CLIENT, SUBJECT)).toBeNull();
      expect(await state().grantCounts(CLIENT)).toEqual({ ...NONE, active: 1 });
      await state().commit([putGrant()]);
      expect((await read()).answer).toBeNull();
      expect(await state().narrowToken(CLIENT, SUBJECT, 'asset:download')).toBeNull();
    });
  });

  test('a token with fewer scopes is kept by grant and scope, the latest of each', async () => {
    const other = narrowToken({ scope: 'license:purchase', value: Secret.from('narrow-2') });
    const foreign = narrowToken({ subject: 'user-2', value: Secret.from('narrow-3') });
    for (const token of [narrowToken({ value: Secret.from('old') }), other, foreign, narrowToken()]) {
      await state().commit([{ type: 'narrow.put', token }]);
    }
    const found = await state().narrowToken(CLIENT, SUBJECT, 'asset:download');
    expect(found).toEqual(narrowToken());
    expect(found?.value.reveal()).toBe('narrow-1');
    expect((await state().narrowToken(CLIENT, SUBJECT, other.scope))?.value.reveal()).toBe('narrow-2');
    expect(await state().narrowToken(CLIENT, SUBJECT, 'all')).toBeNull();
    await state().commit([{ type: 'narrow.clear', client: CLIENT, subject: SUBJECT }]);
    expect(await state().narrowToken(CLIENT, SUBJECT, 'asset:download')).toBeNull();
    expect(await state().narrowToken(CLIENT, SUBJECT, other.scope)).toBeNull();
    expect((await state().narrowToken(CLIENT, 'user-2', foreign.scope))?.value.reveal()).toBe('narrow-3');
  });

  describe('the grants of a client', () => {
    const subjects = async (query: { state?: GrantState; limit?: number } = {}) => {
      const found: string[] = [];
      for (let cursor: string | null = null; ; ) {
        const page = await state().grants({ client: CLIENT, cursor, ...query });
        expect(page.items.length).toBeLessThanOrEqual(query.limit ?? 100);
        found.push(...page.items.map(({ subject }) => subject));
        cursor = page.nextCursor;
        if (cursor === null) return found;
      }
    };

    test('are listed by subject, page by page, forgotten ones left out', async () => {
      const states = ['active', 'consent-required', 'forgotten'] as const;
      const made = Array.from({ length: 9 }, (_, index) => ({
        subject: `s${index}`,
        state: states[index % 3] ?? 'active',
      }));
      await state().commit([
        ...made.toReversed().map((one) => putGrant(one)),
        putGrant({ client: 'another' }),
      ]);
      expect(await subjects({ limit: 2 })).toEqual(['s0', 's1', 's3', 's4', 's6', 's7']);
      expect(await subjects({ limit: 3, state: 'active' })).toEqual(['s0', 's3', 's6']);
      expect(await subjects({ limit: 1, state: 'consent-required' })).toEqual(['s1', 's4', 's7']);
      expect(await subjects({ state: 'forgotten' })).toEqual(['s2', 's5', 's8']);
      const [first] = (await state().grants({ client: CLIENT })).items;
      expect(first).toEqual(grant({ subject: 's0' }));
      const bad = state().grants({ client: CLIENT, cursor: 'none of ours' });
      await expect(bad).rejects.toMatchObject({ code: 'bad_cursor' });
    });

    test('are counted by state, whatever becomes of them', async () => {
      expect(await state().grantCounts(CLIENT)).toEqual(NONE);
      await state().commit(['a', 'b', 'c'].map((subject) => putGrant({ subject })));
      await state().commit([putGrant({ client: 'another' }), putGrant({ subject: 'd', state: 'forgotten' })]);
      await state().commit([
        { type: 'grant.put', grant: grant({ subject: 'a', state: 'consent-required' }) },
        putGrant({ subject: 'b' }),
        putGrant({ subject: 'b', state: 'forgotten' }),
      ]);
      expect(await state().grantCounts(CLIENT)).toEqual({ active: 1, 'consent-required': 1, forgotten: 2 });
      await state().commit([deleteGrant('d'), deleteGrant('a'), putGrant({ subject: 'a' })]);
      expect(await state().grantCounts(CLIENT)).toEqual({ active: 2, 'consent-required': 0, forgotten: 1 });
    });

    test('are counted right where commits at the same time fail', async () => {
      const failing = put.step({ rotationId: 'no such rotation' });
      const written = await Promise.allSettled([
        state().commit([putGrant({ subject: 'a' })]),
        state().commit([putGrant({ subject: 'b' }), failing]),
        state().commit([putGrant({ subject: 'a', state: 'forgotten' }), expectGrant(1, 'a')]),
        state().commit([putGrant({ subject: 'c' })]),
        state().commit([deleteGrant('a'), failing]),
      ]);
      expect(written.map(({ status }) => status === 'fulfilled')).toEqual([true, false, false, true, false]);
      expect(await state().grantCounts(CLIENT)).toEqual({ ...NONE, active: 2 });
    });

    test('that are due in a lane, now or later, are counted, and the first ones shown', async () => {
      const later = { at: T + DAY, lane: 'lapsing' } as const;
      await state().commit([
        putGrant({ subject: 'late' }, later),
        putGrant({ subject: 'early' }, { ...later, at: T - 1 }),
        putGrant({ subject: 'other' }, { ...later, lane: 'hot' }),
        putGrant({ client: 'another' }, later),
      ]);
      const found = await state().grantsIn(CLIENT, 'lapsing', 1);
      expect(found).toEqual({ count: 2, first: [grant({ subject: 'early' })] });
      expect((await state().grantsIn(CLIENT, 'lapsing', 9)).first.map(({ subject }) => subject)).toEqual([
        'early',
        'late',
      ]);
      expect(await state().grantsIn(CLIENT, 'waiting', 9)).toEqual({ count: 0, first: [] });
    });
  });

  test('pruning deletes forgotten grants whose tokens must be dead, and tokens with fewer scopes that are', async () => {
    const old = { state: 'forgotten', renewedAt: T - 180 * DAY - 1 } as const;
    await state().commit([
      putGrant({ ...old, subject: 'dead' }),
      putGrant({ ...old, subject: 'young', renewedAt: T - 180 * DAY }),
      putGrant({ ...old, subject: 'lost', state: 'consent-required' }),
      putGrant({ ...old, subject: 'alive', state: 'active' }),
      { type: 'narrow.put', token: narrowToken({ subject: 'alive', expiresAt: T - DAY - 1 }) },
      { type: 'narrow.put', token: narrowToken({ subject: 'lost', expiresAt: T - DAY }) },
    ]);
    await state().prune({ rotations: T, alerts: T });
    expect(await state().grantCounts(CLIENT)).toEqual({ active: 1, 'consent-required': 1, forgotten: 1 });
    expect(await state().grant(CLIENT, 'dead')).toBeNull();
    expect(await state().grant(CLIENT, 'young')).not.toBeNull();
    expect(await state().narrowToken(CLIENT, 'alive', 'asset:download')).toBeNull();
    expect(await state().narrowToken(CLIENT, 'lost', 'asset:download')).not.toBeNull();
  });
}
