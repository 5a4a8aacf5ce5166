import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AuditLog, ENTRIES, keeping } from './testing/audit-log.ts';

let log: AuditLog;
beforeEach(async () => {
  log = await AuditLog.make();
  onTestFinished(() => log.state.close());
});

describe('what is kept beside the state', () => {
  const copy = () =>
    log.exec('create table entries as select * from audit; create table ends as select * from audit_chain');
  /** The whole log as it was when it was copied. */
  const putBack = () =>
    log.exec(`delete from audit; insert into audit select * from entries;
      delete from audit_chain; insert into audit_chain select * from ends`);

  test('shows over a restart that a whole earlier copy was put back, until a person takes it as it stands', async () => {
    const own = keeping();
    log.head = own;
    await log.begin().daily();
    expect(own.kept).toMatchObject({ number: ENTRIES });
    copy();
    for (let index = 0; index < 5; index += 1) await log.append(log.now + index);
    const second = log.begin();
    await second.daily();
    putBack();
    await log.append(log.now + 9);
    const third = log.begin();
    await third.daily();
    const [alert] = await log.alerts();
    expect(alert).toMatchObject({
      title: `The audit log is broken: entry ${ENTRIES + 5} is gone or another than before: an older end of the log was put back`,
      summary: expect.stringMatching(
        /A backup that somebody restored on purpose explains it, where .* `\.head` beside it was not/,
      ),
      action: expect.stringContaining('`keywarden audit verify --accept --reason TEXT`'),
    });
    await log.begin().daily();
    expect(await log.alerts()).toMatchObject([{ id: alert?.id, state: 'triggered' }]);
    await third.accept('ops', 'restored on purpose');
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
    await log.begin().daily();
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
  });

  test('is on the disk in the log itself before it is kept', async () => {
    const order: string[] = [];
    log.head = { ...keeping(), save: async () => void order.push('kept') };
    const prove = log.state.prove;
    log.state = { ...log.state, prove: async () => prove().then(() => void order.push('written')) };
    await log.begin().daily();
    expect(order).toEqual(['written', 'kept']);
  });

  test('is what a stop finds to follow from what was found before, and nothing else', async () => {
    const own = keeping();
    log.head = own;
    const watch = log.begin();
    await watch.daily();
    await log.append(log.now);
    log.stopping.abort();
    await watch.idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 1 });
    await log.append(log.now);
    // Too short for a look.
    await log.begin().idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 2 });
    await log.append(log.now);
    log.exec(`update audit set actor = 'mallory' where number = ${ENTRIES + 3}`);
    await log.begin().idle();
    expect(own.kept).toMatchObject({ number: ENTRIES + 2 });
  });

  test('keeps nobody from looking where it cannot be written', async () => {
    log.head = { ...keeping(), save: () => Promise.reject(new Error('the folder is read-only')) };
    await log.begin().daily();
    expect(log.said.map(([, text]) => text)).toEqual([
      'the end of the audit log could not be kept beside the state',
      'the audit log is whole',
    ]);
  });

  test('and cannot be read ends no alert and is not overwritten, until it can or a person gives it up', async () => {
    const own = keeping();
    log.head = own;
    await log.begin().daily();
    copy();
    await log.append(log.now);
    await log.begin().daily();
    const { kept, load } = own;
    putBack();
    await log.begin().daily();
    const [alert] = await log.alerts();
    expect(alert).toMatchObject({ state: 'triggered', evidence: { what: 'replaced' } });
    own.load = () => Promise.reject(new Error('it is sealed with another key'));
    const watch = log.begin();
    await watch.daily();
    expect(log.said[0]).toEqual([
      expect.anything(),
      'what was kept of the end of the audit log cannot be read',
    ]);
    expect(await log.alerts()).toMatchObject([
      {
        id: alert?.id,
        state: 'triggered',
        title: 'The audit log is broken: what was kept of its end beside the database cannot be read',
        evidence: { what: 'unreadable', breaks: 1 },
      },
    ]);
    log.stopping.abort();
    await watch.idle();
    expect(own.kept).toEqual(kept);
    log.stopping = new AbortController();
    own.load = load;
    const next = log.begin(log.state.verifyAudit, watch);
    expect(await next.verify()).toMatchObject({ faults: [{ what: 'replaced' }] });
    own.load = () => Promise.reject(new Error('it is sealed with another key'));
    const last = log.begin();
    expect(await last.accept('ops', 'restored on purpose')).toMatchObject({ breaks: 1 });
    expect(await log.alerts()).toMatchObject([{ state: 'resolved' }]);
    expect(own.kept?.number).toBeGreaterThan(kept?.number ?? 0);
  });

  test('that cannot be read once is read again before anybody is woken', async () => {
    const own = keeping();
    log.head = own;
    await log.begin().daily();
    const { load } = own;
    own.load = () => {
      own.load = load;
      return Promise.reject(new Error('too many open files'));
    };
    expect(await log.begin().verify()).toMatchObject({ breaks: 0 });
  });

  test('is not what a look or a stop would keep while a person takes the log as it stands', async () => {
    const own = keeping();
    log.head = own;
    await log.begin().daily();
    const { acceptAudit } = log.state;
    const { save } = own;
    const [saving, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    own.save = async (mark) => {
      saving.resolve();
      await release.promise;
      await save(mark);
    };
    log.state = {
      ...log.state,
      acceptAudit: async (entry) => {
        release.resolve();
        await looked;
        own.kept = null;
        log.stopping.abort();
        await watch.idle();
        expect(own.kept).toBeNull();
        await save({ number: 1, hash: '', at: null });
        await acceptAudit(entry);
      },
    };
    const watch = log.begin();
    await log.append(log.now);
    const looked = watch.daily();
    await saving.promise;
    await log.append(log.now);
    log.exec(`update audit set actor = 'mallory' where number = 7`);
    await watch.accept('ops', 'the disk was replaced');
    expect(own.kept).toBeNull();
    log.stopping = new AbortController();
    await log.begin().daily();
    expect(await log.alerts()).toEqual([]);
  });
});
