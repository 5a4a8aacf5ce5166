import { describe, expect, test } from 'vitest';
import type { AuditFault, AuditMark, State } from '../contract.ts';
import { entry, put, T } from './samples.suite.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What a look at the whole log finds, `limit` entries at a time, for whoever has found `known` before. */
export async function lookThrough(
  state: State,
  limit = 100,
  known: AuditMark | null = null,
): Promise<{ readonly checked: number; readonly faults: readonly AuditFault[] }> {
  const faults: AuditFault[] = [];
  let checked = 0;
  for (let from: AuditMark | null = null; ; ) {
    const slice = await state.verifyAudit(from, limit, known);
    checked += slice.checked;
    faults.push(...slice.faults);
    if (slice.ended) return { checked, faults };
    from = slice.mark;
  }
}

/** Writes entries, an hour apart each, the first at {@link T}. */
export async function writeEntries(state: State, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await state.commit([put.audit({ at: T + index * HOUR })]);
}

/** The chain of the audit log while nobody does anything to it. What tampering does to it is each database's own test. */
export function auditContract(state: () => State, reopen: () => Promise<State>): void {
  describe('the chain of the audit log', () => {
    test('is whole from the begin on, and however many entries a commit has', async () => {
      expect(await lookThrough(state())).toEqual({ checked: 0, faults: [] });
      await state().commit([put.audit(), put.credential(), put.audit({ credential: null }), put.audit()]);
      await state().commit([put.audit({ actor: 'a\ud800', detail: { text: 'b\u0000\udc00"\n' } })]);
      expect(await lookThrough(state())).toEqual({ checked: 4, faults: [] });
      expect(await lookThrough(state(), 1)).toEqual({ checked: 4, faults: [] });
      expect(await lookThrough(await reopen())).toEqual({ checked: 4, faults: [] });
    });

    test('is whole after commits at the same time, some of which fail', async () => {
      await state().commit([put.alert()]);
      const commits = Array.from({ length: 60 }, (_, index) =>
        state().commit([put.audit({ at: index }), ...(index % 3 === 0 ? [put.alert()] : []), put.audit()]),
      );
      const done = (await Promise.allSettled(commits)).filter(({ status }) => status === 'fulfilled');
      expect(done).toHaveLength(40);
      expect(await lookThrough(state(), 7)).toEqual({ checked: 80, faults: [] });
      const { items } = await state().audit({ limit: 1000, order: 'oldest' });
      expect(items.map(({ number }) => number)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
    });

    test('is looked at while entries are written', async () => {
      await writeEntries(state(), 10);
      const first = await state().verifyAudit(null, 6);
      expect(first).toMatchObject({ checked: 6, ended: false, mark: { number: 6, at: T + 5 * HOUR } });
      await state().commit([put.audit()]);
      expect(await state().verifyAudit(first.mark, 6)).toMatchObject({ checked: 5, faults: [], ended: true });
    });

    test('goes on behind what was pruned, which an entry tells', async () => {
      await writeEntries(state(), 10);
      await state().prune({ rotations: 0, alerts: 0 });
      expect((await lookThrough(state())).checked).toBe(10);
      await state().prune({ rotations: 0, alerts: 0, audit: T + 4 * HOUR });
      expect(await lookThrough(state(), 2)).toEqual({ checked: 7, faults: [] });
      const { items } = await state().audit({ order: 'oldest' });
      expect(items.map(({ number }) => number)).toEqual([5, 6, 7, 8, 9, 10, 11]);
      const told = { actor: 'daemon', action: 'audit.pruned', detail: { entries: 4, upTo: 4 } };
      expect(items.at(-1)).toMatchObject(told);
      await state().prune({ rotations: 0, alerts: 0, audit: T + 4 * HOUR });
      expect((await lookThrough(state())).checked).toBe(7);
      await state().prune({ rotations: 0, alerts: 0, audit: T + 999 * HOUR });
      await state().commit([put.audit()]);
      expect(await lookThrough(await reopen())).toEqual({ checked: 2, faults: [] });
    });

    test('loses no more than its oldest month at once, for a clock may be ahead', async () => {
      for (const day of [0, 10, 29, 30, 31, 90]) await state().commit([put.audit({ at: T + day * DAY })]);
      const left = async () =>
        (await state().audit({ order: 'oldest', action: entry().action })).items.map(
          ({ at }) => (at - T) / DAY,
        );
      const ahead = { rotations: 0, alerts: 0, audit: T + 9_999 * DAY };
      await state().prune(ahead);
      expect(await left()).toEqual([30, 31, 90]);
      await state().prune(ahead);
      expect(await left()).toEqual([90]);
      expect((await lookThrough(state())).faults).toEqual([]);
    });

    test('is pruned in pieces, between which others write', async () => {
      await state().commit(Array.from({ length: 4_500 }, (_, index) => put.audit({ at: T + index })));
      const pruned = state().prune({ rotations: 0, alerts: 0, audit: T + 4_100 });
      let written = 0;
      for (let done = false; !done; written += 1) {
        const commit = state()
          .commit([put.audit({ at: T + HOUR })])
          .then(() => false);
        done = await Promise.race([pruned.then(() => true), commit]);
        await commit;
      }
      expect(written).toBeGreaterThan(2);
      const { items } = await state().audit({ action: 'audit.pruned', order: 'oldest' });
      expect(items.map(({ detail }) => detail)).toEqual([
        { entries: 2_000, upTo: 2_000 },
        { entries: 2_000, upTo: 4_000 },
        { entries: 100, upTo: 4_100 },
      ]);
      expect(await lookThrough(state())).toEqual({ checked: 400 + 3 + written, faults: [] });
    });

    test('is still whole after a person has taken it as it stands', async () => {
      await writeEntries(state(), 3);
      await state().acceptAudit(entry({ action: 'audit.accepted' }));
      expect(await lookThrough(state())).toEqual({ checked: 4, faults: [] });
      expect((await state().audit({ limit: 1 })).items).toMatchObject([
        { action: 'audit.accepted', number: 4 },
      ]);
    });
  });

  test('the audit log is read oldest first, and from a time to a time, with the hashes of its chain', async () => {
    await writeEntries(state(), 6);
    const between = { since: T + HOUR, until: T + 5 * HOUR, order: 'oldest', limit: 3 } as const;
    const page = await state().audit(between);
    expect(page.items.map(({ number }) => number)).toEqual([2, 3, 4]);
    const next = await state().audit({ ...between, cursor: page.nextCursor });
    expect(next.items.map(({ number }) => number)).toEqual([5]);
    expect(next.nextCursor).toBeNull();
    const hashes = [...page.items, ...next.items].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(4);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const newest = await state().audit({ since: T + HOUR, until: T + 5 * HOUR, limit: 1 });
    expect(newest.items.map(({ number }) => number)).toEqual([5]);
  });
}
