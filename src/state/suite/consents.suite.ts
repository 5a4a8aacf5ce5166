import { describe, expect, test } from 'vitest';
import { type Authorization, type AuthorizationSecrets, type Change, Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { authorization, CLIENT, clientRecord } from './grant-samples.suite.ts';
import { credentialNames, put, T } from './samples.suite.ts';

const DAY = 86_400_000;
const verifier = Secret.from('verifier-1');

/** What is remembered of OAuth clients, and the consents under way. `state()` is empty and belongs to the test. */
export function consentContract(state: () => State): void {
  const putClient = (over = {}): Change => ({ type: 'client.put', record: clientRecord(over) });
  const begin = (
    over: Partial<Authorization> = {},
    secrets: Partial<AuthorizationSecrets> = { verifier },
  ): Change => ({ type: 'authorization.put', authorization: authorization(over), secrets });
  const read = async (id = 'authorization-1') => {
    const found = await state().authorization(id);
    if (found === null) throw new Error(`there is no authorization ${id}`);
    return found;
  };

  describe('an OAuth client', () => {
    test('is read as it was put, and is nothing before', async () => {
      expect(await state().client(CLIENT)).toEqual({ record: null, revision: 0 });
      await state().commit([putClient()]);
      expect((await state().client(CLIENT)).record).toEqual(clientRecord());
      const over = { pause: null, refusedAt: [], failures: 0, faults: {}, slides: null, lookedAt: null };
      for (const slides of [null, false]) {
        await state().commit([putClient({ ...over, slides })]);
        expect((await state().client(CLIENT)).record).toEqual(clientRecord({ ...over, slides }));
      }
      expect((await state().client('another')).record).toBeNull();
    });

    test('is written by nobody who read it before somebody else wrote it', async () => {
      const expectAt = (revision: number): Change => ({ type: 'client.expect', client: CLIENT, revision });
      await state().commit([expectAt(0), putClient()]);
      const { revision } = await state().client(CLIENT);
      await state().commit([expectAt(revision), putClient({ failures: 7 })]);
      for (const late of [0, revision]) {
        const changes = [expectAt(late), putClient(), put.credential()];
        await expect(state().commit(changes)).rejects.toMatchObject({ code: 'stale' });
      }
      expect((await state().client(CLIENT)).record?.failures).toBe(7);
      expect(await credentialNames(state())).toEqual([]);
    });
  });

  describe('an authorization', () => {
    test('is read as it was put, by id and by the digest of its state parameter', async () => {
      const bare = {
        id: 'b',
        stateDigest: 'digest-b',
        returnUrl: null,
        sentAt: null,
        error: null,
        scopes: [],
      };
      await state().commit([begin(), begin(bare)]);
      expect(await read()).toEqual({
        authorization: authorization(),
        secrets: { verifier, callback: null, answer: null },
      });
      expect((await read()).secrets.verifier.reveal()).toBe('verifier-1');
      expect((await read('b')).authorization).toEqual(authorization(bare));
      expect(await state().authorizationByState('digest-b')).toEqual(authorization(bare));
      expect(await state().authorizationByState('digest-0')).toBeNull();
      expect(await state().authorization('nothing')).toBeNull();
    });

    test('keeps the secrets that a put does not give', async () => {
      const callback = Secret.from('code=1&state=2');
      const answer = Secret.from('{"access_token":"a"}');
      await state().commit([begin()]);
      await state().commit([begin({ state: 'received' }, { callback })]);
      await state().commit([begin({ state: 'exchanging' }, { answer })]);
      await state().commit([
        { type: 'authorization.put', authorization: authorization({ state: 'completed' }) },
      ]);
      const full = await read();
      expect(full.authorization.state).toBe('completed');
      const texts = Object.values(full.secrets).map((secret) => secret?.reveal());
      expect(texts).toEqual(['verifier-1', 'code=1&state=2', '{"access_token":"a"}']);
      await state().commit([begin({}, { callback: null, answer: null })]);
      expect((await read()).secrets).toEqual({ verifier, callback: null, answer: null });
    });

    test('is taken once, however many bring the same callback', async () => {
      await state().commit([begin()]);
      const take = () =>
        state().commit([
          { type: 'authorization.expect', id: 'authorization-1', state: 'pending' },
          begin({ state: 'received' }),
        ]);
      const taken = await Promise.allSettled([take(), take(), take()]);
      expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await expect(take()).rejects.toMatchObject({ code: 'stale' });
      const unknown = { type: 'authorization.expect', id: 'nothing', state: 'pending' } as const;
      await expect(state().commit([unknown])).rejects.toMatchObject({ code: 'stale' });
    });

    test('shares its state parameter with no other', async () => {
      await state().commit([begin()]);
      await expect(state().commit([begin({ id: 'b' })])).rejects.toMatchObject({ code: 'conflict' });
    });

    test('that is deleted leaves nothing behind', async () => {
      await state().commit([begin({}, { verifier, callback: verifier, answer: verifier })]);
      await state().commit([{ type: 'authorization.delete', id: 'authorization-1' }]);
      expect(await state().authorization('authorization-1')).toBeNull();
      await state().commit([begin()]);
      expect((await read()).secrets).toEqual({ verifier, callback: null, answer: null });
    });

    test('is pruned seven days after its end', async () => {
      const before = T - 7 * DAY;
      await state().commit([
        begin({ expiresAt: before - 1 }),
        begin({ id: 'b', stateDigest: 'digest-b', expiresAt: before }),
      ]);
      await state().prune({ rotations: T, alerts: T });
      expect(await state().authorization('authorization-1')).toBeNull();
      expect((await read('b')).secrets.verifier.reveal()).toBe('verifier-1');
    });
  });
}
