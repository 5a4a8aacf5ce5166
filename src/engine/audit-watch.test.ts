import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Alert, DAY, formatTime, Secret } from '../model/index.ts';
import type { AuditHead } from '../state/audit-head.ts';
import type { AuditMark, State } from '../state/contract.ts';
import { openMemory, openMemoryDatabase } from '../state/sqlite/index.ts';
import { AuditWatch } from './audit-watch.ts';
import { Committer } from './commit.ts';
import { quiet } from './testing/context.ts';
import { OutboxWorld } from './testing/outbox.ts';

/** More than are compared at once. */
const ENTRIES = 900;

let world: OutboxWorld;
let database: ReturnType<typeof openMemoryDatabase>;
let state: State;
let stopping: AbortController;
beforeEach(async () => {
  world = await OutboxWorld.make();
  database = openMemoryDatabase();
  const keys = [Secret.from(Buffer.alloc(32, 7))];
  state = await openMemory({ keys, now: () => world.now, owner: 'test', database });
  onTestFinished(() => state.close());
  stopping = new AbortController();
  const entry = { actor: 'ops', action: 'rotation.requested', credential: 'frameflow-prod', detail: {} };
  await state.commit(
    Array.from({ length: ENTRIES }, (_, index) => {
      return { type: 'audit.append', entry: { ...entry, at: world.now - DAY + index } } as const;
    }),
  );
});

/** What is kept of the end of the log beside the state; undefined: nothing can be. */
let head: AuditHead | undefined;
beforeEach(() => {
  head = undefined;
});

/** Keeps it in memory. */
function keeping(): AuditHead & { kept: AuditMark | null } {
  const own = {
    kept: null as AuditMark | null,
    load: async () => own.kept,
    save: async (mark: AuditMark) => void Object.assign(own, { kept: mark }),
    forget: async () => void Object.assign(own, { kept: null }),
  };
  return own;
}

/** What the daemon's log says. */
let said: [fields: unknown, text: string][];

/** A process that has just begun. @param verify what stands before each slice's comparison */
function begin(
  verify: State['verifyAudit'] = state.verifyAudit,
  former: AuditWatch | null = null,
): AuditWatch {
  said = [];
  const log = { ...quiet, info: (fields: unknown, text: string) => void said.push([fields, text]) };
  const context = {
    ...world.contextWith('team'),
    ...(head === undefined ? {} : { auditHead: head }),
    log: { ...log, warn: log.info },
    state: { ...state, verifyAudit: verify },
  };
  return new AuditWatch(context, new Committer(context, () => {}), stopping.signal, former);
}

const append = (at: number) =>
  state.commit([
    {
      type: 'audit.append',
      entry: { at, actor: 'ops', action: 'rotation.requested', credential: null, detail: {} },
    },
  ]);

const alerts = async (): Promise<readonly Alert[]> =>
  (await state.alerts({})).items.filter(({ kind }) => kind === 'audit-broken');
const tamper = () => database.exec(`update audit set actor = 'mallory' where number = 700`);
const repair = () => database.exec(`update audit set actor = 'ops' where number = 700`);

describe('the audit log is looked through', () => {
  test('at the start and once a day: a break is one critical alert, which ends when the log is whole again', async () => {
    const watch = begin();
    await watch.daily();
    tamper();
    const begun = world.now;
    world.now += DAY - 1;
    await watch.daily();
    expect(await alerts()).toEqual([]);
    world.now += 1;
    await watch.daily();
    const [alert] = await alerts();
    expect(alert).toMatchObject({
      severity: 'critical',
      state: 'triggered',
      title: 'The audit log is broken: entry 700 is not as it was written, or not in its place',
      evidence: {
        what: 'changed',
        entry: 700,
        entryAt: formatTime(begun - DAY + 699),
        entryBefore: 699,
        lastWholeAt: formatTime(begun),
        breaks: 1,
      },
    });
    expect(alert?.summary).toContain(`It was last found whole at ${formatTime(begun)}.`);
    database.exec('delete from audit where number in (3, 4)');
    world.now += DAY;
    await watch.daily();
    expect(await alerts()).toMatchObject([{ id: alert?.id, count: 2 }]);
    expect((await alerts())[0]?.title).toBe(
      'The audit log is broken: entries 3 to 4 are missing, and 1 more break',
    );
  });

  test('at every start, and an alert that the former process raised ends', async () => {
    tamper();
    await begin().daily();
    expect((await alerts())[0]?.summary).toContain('It was not found whole since Keywarden started.');
    repair();
    await begin().daily();
    expect(await alerts()).toMatchObject([{ state: 'resolved' }]);
  });

  test('again as soon as the clock was set back by more than a day', async () => {
    const watch = begin();
    await watch.daily();
    tamper();
    world.now -= 2 * DAY;
    await watch.daily();
    expect(await alerts()).toHaveLength(1);
  });

  test('in slices, between which everything else gets its turn', async () => {
    const seen: string[] = [];
    const watch = begin(async (from, limit) => {
      setImmediate(() => seen.push('something else'));
      const slice = await state.verifyAudit(from, limit);
      seen.push(`${slice.checked} entries`);
      return slice;
    });
    expect(await watch.verify()).toMatchObject({ entries: ENTRIES, breaks: 0, last: { number: ENTRIES } });
    const checked = ['400 entries', 'something else', '400 entries', 'something else', '100 entries'];
    expect(seen.slice(0, 5)).toEqual(checked);
  });

  test('until the process stops: the rest is left to the next start', async () => {
    tamper();
    const slices: (AuditMark | null)[] = [];
    const watch = begin((from, limit) => {
      slices.push(from);
      stopping.abort();
      return state.verifyAudit(from, limit);
    });
    await watch.daily();
    expect(slices).toEqual([null]);
    await watch.idle();
    expect(await alerts()).toEqual([]);
    expect(await watch.verify()).toBeNull();
  });

  test.each([
    ['prunes it', '', () => state.prune({ rotations: 0, alerts: 0, audit: world.now - DAY + 600 })],
    [
      'takes it as it stands',
      'delete from audit where number = 5',
      () => state.acceptAudit({ at: 0, actor: 'a', action: 'b', credential: null, detail: {} }),
    ],
  ])('anew where somebody %s meanwhile, so that nobody is woken for that', async (_, before, act) => {
    database.exec(before);
    let slices = 0;
    const watch = begin(async (from, limit) => {
      slices += 1;
      if (slices === 2) await act();
      return state.verifyAudit(from, limit);
    });
    expect(await watch.verify()).toMatchObject({ breaks: 0 });
    expect(slices).toBeGreaterThan(2);
    expect(await alerts()).toEqual([]);
  });

  test('for what it has found before, also after a reload: an older end that was put back is told', async () => {
    database.exec('create table kept as select * from audit_chain');
    await append(world.now);
    const watch = begin();
    await watch.daily();
    database.exec(`delete from audit where number > ${ENTRIES};
      delete from audit_chain; insert into audit_chain select * from kept`);
    await append(world.now + 1);
    expect(await begin().verify()).toMatchObject({ breaks: 0 });
    const next = begin(state.verifyAudit, watch);
    await next.daily();
    expect(await alerts()).toEqual([]);
    world.now += DAY;
    await next.daily();
    const problem = `entry ${ENTRIES + 1} is gone or another than before: an older end of the log was put back`;
    expect((await alerts())[0]).toMatchObject({
      state: 'triggered',
      title: `The audit log is broken: ${problem}`,
    });
    await next.accept('ops', 'it was me');
    expect(await alerts()).toMatchObject([{ state: 'resolved' }]);
    expect(await watch.verify()).toMatchObject({ breaks: 0 });
  });

  test('and the daemon says where it ends, after the look of a day and at a stop', async () => {
    const watch = begin();
    await watch.daily();
    const { number: entry, hash } = (await state.audit({ limit: 1 })).items[0] ?? {};
    expect(said).toEqual([[{ entries: ENTRIES, entry, hash }, 'the audit log is whole']]);
    await watch.idle();
    expect(said).toHaveLength(1);
    await append(world.now);
    stopping.abort();
    await watch.idle();
    const later = (await state.audit({ limit: 1 })).items[0]?.hash;
    expect(later).not.toBe(hash);
    expect(said.slice(1)).toEqual([[{ entry: ENTRIES + 1, hash: later }, 'the audit log ends here']]);
  });

  test('by the successor of one that was cut short', async () => {
    tamper();
    const former = begin((from, limit) => {
      stopping.abort();
      return state.verifyAudit(from, limit);
    });
    await former.daily();
    stopping = new AbortController();
    await begin(state.verifyAudit, former).daily();
    expect(await alerts()).toHaveLength(1);
  });

  test('and one who cannot look is no fault of the log', async () => {
    const watch = begin(() => Promise.reject(new Error('the disk is gone')));
    await watch.daily();
    expect(await alerts()).toEqual([]);
  });
});

describe('a person who takes a broken log as it stands', () => {
  test('ends the alert, and stands in the log with the reason and what was broken', async () => {
    tamper();
    const watch = begin();
    await watch.daily();
    const found = await watch.accept('ops', 'the disk was replaced');
    expect(found).toMatchObject({ breaks: 1, faults: [{ first: 700 }] });
    expect(await alerts()).toMatchObject([{ state: 'resolved' }]);
    expect((await state.audit({ action: 'audit.accepted' })).items).toMatchObject([
      {
        actor: 'ops',
        detail: {
          reason: 'the disk was replaced',
          breaks: 1,
          first: 'entry 700 is not as it was written, or not in its place',
        },
      },
    ]);
    repair();
    expect(await watch.verify()).toMatchObject({ breaks: 1, faults: [{ first: 700 }] });
  });

  test('changes nothing where the log is whole', async () => {
    expect(await begin().accept('ops', 'to be safe')).toMatchObject({ breaks: 0 });
    expect((await state.audit({ action: 'audit.accepted' })).items).toEqual([]);
  });
});

describe('what is kept beside the state', () => {
  const copy = () =>
    database.exec(
      'create table entries as select * from audit; create table ends as select * from audit_chain',
    );
  /** The whole log as it was when it was copied. */
  const putBack = () =>
    database.exec(`delete from audit; insert into audit select * from entries;
      delete from audit_chain; insert into audit_chain select * from ends`);

  test('shows over a restart that a whole earlier copy was put back, until a person takes it as it stands', async () => {
    const own = keeping();
    head = own;
    await begin().daily();
    expect(own.kept).toMatchObject({ number: ENTRIES });
    copy();
    for (let index = 0; index < 5; index += 1) await append(world.now + index);
    const second = begin();
    await second.daily();
    putBack();
    await append(world.now + 9);
    const third = begin();
    await third.daily();
    const [alert] = await alerts();
    expect(alert).toMatchObject({
      title: `The audit log is broken: entry ${ENTRIES + 5} is gone or another than before: an older end of the log was put back`,
      summary: expect.stringMatching(/A backup that somebody restored on purpose explains it/),
      action: expect.stringContaining('`keywarden audit verify --accept --reason TEXT`'),
    });
    await begin().daily();
    expect(await alerts()).toMatchObject([{ id: alert?.id, state: 'triggered' }]);
    await third.accept('ops', 'restored on purpose');
    expect(await alerts()).toMatchObject([{ state: 'resolved' }]);
    await begin().daily();
    expect(await alerts()).toMatchObject([{ state: 'resolved' }]);
  });

  test('is on the disk in the log itself before it is kept', async () => {
    const order: string[] = [];
    head = { ...keeping(), save: async () => void order.push('kept') };
    const prove = state.prove;
    state = { ...state, prove: async () => prove().then(() => void order.push('written')) };
    await begin().daily();
    expect(order).toEqual(['written', 'kept']);
  });

  test('is what a stop finds to follow from what was found before, and nothing else', async () => {
    const own = keeping();
    head = own;
    const watch = begin();
    await watch.daily();
    await append(world.now);
    stopping.abort();
    await watch.idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 1 });
    await append(world.now);
    // Too short for a look.
    await begin().idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 2 });
    await append(world.now);
    database.exec(`update audit set actor = 'mallory' where number = ${ENTRIES + 3}`);
    await begin().idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 2 });
  });

  test('keeps nobody from looking where it cannot be read or written', async () => {
    const fails = () => Promise.reject(new Error('the folder is read-only'));
    head = { load: fails, save: fails, forget: fails };
    await begin().daily();
    expect(said.map(([, text]) => text)).toEqual([
      'what was kept of the end of the audit log cannot be read; it is kept anew',
      'the end of the audit log could not be kept beside the state',
      'the audit log is whole',
    ]);
  });
});
