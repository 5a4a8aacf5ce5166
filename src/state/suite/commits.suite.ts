import { describe, expect, test } from 'vitest';
import type { State } from '../contract.ts';
import { credentialNames, put, T } from './samples.suite.ts';

/** All or none, alone and together; what is acknowledged stays. */
export function commitContract(state: () => State, reopen: () => Promise<State>): void {
  describe('a commit', () => {
    test('applies all of its changes or none', async () => {
      await state().commit([put.alert()]);
      const changes = [put.credential(), put.audit(), put.work(), put.alert({ title: 'again' })];
      await expect(state().commit(changes)).rejects.toMatchObject({ code: 'conflict' });
      expect(await credentialNames(state())).toEqual([]);
      expect((await state().audit({})).items).toEqual([]);
      expect((await state().nextDue(['provider:frameflow'])).size).toBe(0);
    });

    test('is seen by every read that follows it, and after the state was opened again', async () => {
      await state().commit([put.credential()]);
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
      expect(await credentialNames(await reopen())).toEqual(['frameflow-prod']);
    });

    test('that fails among many at the same time fails alone', async () => {
      await state().commit([put.work()]);
      const lost = {
        kind: 'credential',
        id: 'gone',
        lane: 'x',
        fence: 9,
        wakes: 0,
        dueAt: T,
        expiresAt: T,
      } as const;
      const written = await Promise.allSettled([
        state().commit([put.credential({ name: 'a' })]),
        state().commit([put.credential({ name: 'b' })], { under: lost }),
        state().commit([
          put.credential({ name: 'c' }),
          put.rotation({ id: '1', credential: 'c', requestKey: null }),
        ]),
        state().commit([
          put.credential({ name: 'd' }),
          put.rotation({ id: '2', credential: 'c', requestKey: null }),
        ]),
        state().commit([put.credential({ name: 'e' })]),
      ]);
      expect(written.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code))).toEqual([
        'done',
        'claim_lost',
        'done',
        'conflict',
        'done',
      ]);
      expect(await credentialNames(await reopen())).toEqual(['a', 'c', 'e']);
    });

    test('with a defect in it fails alone and leaves the state at work', async () => {
      const broken = put.step({ rotationId: 'no such rotation' });
      const [first, second] = await Promise.allSettled([
        state().commit([put.credential({ name: 'a' }), broken]),
        state().commit([put.credential({ name: 'b' })]),
      ]);
      expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
      expect(await credentialNames(state())).toEqual(['b']);
    });

    test('hundreds at once are all acknowledged and all there', async () => {
      const names = Array.from({ length: 300 }, (_, index) => `c${String(index).padStart(3, '0')}`);
      await Promise.all(names.map((name) => state().commit([put.credential({ name }), put.audit()])));
      expect(await credentialNames(state())).toEqual(names);
      expect((await state().audit({ limit: 1000 })).items).toHaveLength(300);
    });

    test('a read among commits sees each of them whole', async () => {
      const reads: Promise<void>[] = [];
      const writes: Promise<void>[] = [];
      for (let number = 1; number <= 30; number += 1) {
        writes.push(
          state().commit([
            put.credential({ attempts: number }),
            put.version({ state: 'retired', number }),
            put.destination({ attempts: number }),
          ]),
        );
        reads.push(
          state()
            .credential('frameflow-prod')
            .then((snapshot) => {
              if (snapshot === null) return;
              const seen = snapshot.record.attempts;
              expect(snapshot.versions.map((version) => version.number)).toEqual([seen]);
              expect(snapshot.destinations.map((destination) => destination.attempts)).toEqual([seen]);
            }),
        );
        await Promise.resolve();
      }
      await Promise.all([...writes, ...reads]);
      expect((await state().credential('frameflow-prod'))?.record.attempts).toBe(30);
    });

    test('does not depend on the order of records that belong together', async () => {
      await state().commit([
        put.work(),
        put.delivery(),
        put.step(),
        put.alert(),
        put.rotation(),
        put.credential(),
      ]);
      expect(await state().steps('rotation-1')).toHaveLength(1);
      expect(await state().deliveries('alert-1')).toHaveLength(1);
    });

    test('keeps the order of changes to one due record', async () => {
      const away = { type: 'work.delete', kind: 'credential', id: 'frameflow-prod' } as const;
      await state().commit([put.work(), away, put.work({ lane: 'guided' })]);
      expect((await state().nextDue(['guided'])).get('guided')).toBe(T);
      await state().commit([put.work(), away]);
      expect((await state().nextDue(['guided', 'provider:frameflow'])).size).toBe(0);
    });
  });

  test('the state proves that it takes writes', async () => {
    await state().prove();
    await Promise.all([state().prove(), state().commit([put.credential()])]);
    expect(await credentialNames(state())).toEqual(['frameflow-prod']);
  });

  test('closing waits for the commits under way, and can be asked twice', async () => {
    const commit = state().commit([put.credential()]);
    await Promise.all([state().close(), state().close()]);
    await commit;
    expect(await credentialNames(await reopen())).toEqual(['frameflow-prod']);
  });
}
