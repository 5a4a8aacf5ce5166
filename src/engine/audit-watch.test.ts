import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DAY, formatTime } from '../model/index.ts';
import type { AuditMark } from '../state/contract.ts';
import { AuditLog, ENTRIES } from './testing/audit-log.ts';

let log: AuditLog;
beforeEach(async () => {
  log = await AuditLog.make();
  onTestFinished(() => log.state.close());
});

const tamper = () => log.exec(`update audit set actor = 'mallory' where number = 700`);
const repair = () => log.exec(`update audit set actor = 'ops' where number = 700`);

describe('the audit log is looked through', () => {
  test('at the start and once a day: a break is one critical alert, which ends when the log is whole again', async () => {
    const watch = log.begin();
    await watch.daily();
    tamper();
    const begun = log.now;
    log.now += DAY - 1;
    await watch.daily();
    expect(await log.alerts()).toEqual([]);
    log.now += 1;
    await watch.daily();
    const [alert] = await log.alerts();
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
    log.exec('delete from audit where number in (3, 4)');
    log.now += DAY;
    await watch.daily();
    expect(await log.alerts()).toMatchObject([{ id: alert?.id, count: 2 }]);
    expect((await log.alerts())[0]?.title).toBe(
      'The audit log is broken: entries 3 to 4 are missing, and 1 more break',
    );
  });

  test('at every start, and an alert that the former process raised ends', async () => {
    tamper();
    await log.begin().daily();
    expect((await log.alerts())[0]?.summary).toContain('It was not found whole since Keywarden started.');
    repair();
    await log.begin().daily();
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
  });

  test('again as soon as the clock was set back by more than a day', async () => {
    const watch = log.begin();
    await watch.daily();
    tamper();
    log.now -= 2 * DAY;
    await watch.daily();
    expect(await log.alerts()).toHaveLength(1);
  });

  test('in slices, between which everything else gets its turn', async () => {
    const seen: string[] = [];
    const watch = log.begin(async (from, limit) => {
      setImmediate(() => seen.push('something else'));
      const slice = await log.state.verifyAudit(from, limit);
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
    const watch = log.begin((from, limit) => {
      slices.push(from);
      log.stopping.abort();
      return log.state.verifyAudit(from, limit);
    });
    await watch.daily();
    expect(slices).toEqual([null]);
    await watch.idle();
    expect(await log.alerts()).toEqual([]);
    expect(await watch.verify()).toBeNull();
  });

  test.each([
    ['prunes it', '', () => log.state.prune({ rotations: 0, alerts: 0, audit: log.now - DAY + 600 })],
    [
      'takes it as it stands',
      'delete from audit where number = 5',
      () => log.state.acceptAudit({ at: 0, actor: 'a', action: 'b', credential: null, detail: {} }),
    ],
  ])('anew where somebody %s meanwhile, so that nobody is woken for that', async (_, before, act) => {
    log.exec(before);
    let slices = 0;
    const watch = log.begin(async (from, limit) => {
      slices += 1;
      if (slices === 2) await act();
      return log.state.verifyAudit(from, limit);
    });
    expect(await watch.verify()).toMatchObject({ breaks: 0 });
    expect(slices).toBeGreaterThan(2);
    expect(await log.alerts()).toEqual([]);
  });

  test('for what it has found before, also after a reload: an older end that was put back is told', async () => {
    log.exec('create table kept as select * from audit_chain');
    await log.append(log.now);
    const watch = log.begin();
    await watch.daily();
    log.exec(`delete from audit where number > ${ENTRIES};
      delete from audit_chain; insert into audit_chain select * from kept`);
    await log.append(log.now + 1);
    expect(await log.begin().verify()).toMatchObject({ breaks: 0 });
    const next = log.begin(log.state.verifyAudit, watch);
    await next.daily();
    expect(await log.alerts()).toEqual([]);
    log.now += DAY;
    await next.daily();
    const problem = `entry ${ENTRIES + 1} is gone or another than before: an older end of the log was put back`;
    expect((await log.alerts())[0]).toMatchObject({
      state: 'triggered',
      title: `The audit log is broken: ${problem}`,
    });
    await next.accept('ops', 'it was me');
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
    expect(await watch.verify()).toMatchObject({ breaks: 0 });
  });

  test('and the daemon says where it ends, after the look of a day and at a stop', async () => {
    const watch = log.begin();
    await watch.daily();
    const { number: entry, hash } = (await log.state.audit({ limit: 1 })).items[0] ?? {};
    expect(log.said).toEqual([[{ entries: ENTRIES, entry, hash }, 'the audit log is whole']]);
    await watch.idle();
    expect(log.said).toHaveLength(1);
    await log.append(log.now);
    log.stopping.abort();
    await watch.idle();
    const later = (await log.state.audit({ limit: 1 })).items[0]?.hash;
    expect(later).not.toBe(hash);
    expect(log.said.slice(1)).toEqual([[{ entry: ENTRIES + 1, hash: later }, 'the audit log ends here']]);
  });

  test('by the successor of one that was cut short', async () => {
    tamper();
    const former = log.begin((from, limit) => {
      log.stopping.abort();
      return log.state.verifyAudit(from, limit);
    });
    await former.daily();
    log.stopping = new AbortController();
    await log.begin(log.state.verifyAudit, former).daily();
    expect(await log.alerts()).toHaveLength(1);
  });

  test('and one who cannot look is no fault of the log', async () => {
    const watch = log.begin(() => Promise.reject(new Error('the disk is gone')));
    await watch.daily();
    expect(await log.alerts()).toEqual([]);
  });
});

describe('a person who takes a broken log as it stands', () => {
  test('ends the alert, and stands in the log with the reason and what was broken', async () => {
    tamper();
    const watch = log.begin();
    await watch.daily();
    const found = await watch.accept('ops', 'the disk was replaced');
    expect(found).toMatchObject({ breaks: 1, faults: [{ first: 700 }] });
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
    expect((await log.state.audit({ action: 'audit.accepted' })).items).toMatchObject([
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
    expect(await log.begin().accept('ops', 'to be safe')).toMatchObject({ breaks: 0 });
    expect((await log.state.audit({ action: 'audit.accepted' })).items).toEqual([]);
  });
});
