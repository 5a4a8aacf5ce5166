import { DAY, type Evidence, formatTime, type Signal } from '../model/index.ts';
import type { AuditFault, AuditMark } from '../state/contract.ts';
import { brokenAt } from './audit-words.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';

/** So many entries are compared before everything else gets its turn: some 5 ms. */
const SLICE = 400;

/** So many breaks are told one by one; the rest is counted. */
const TOLD = 20;

/** What a look through the whole audit log has found. */
export type AuditReport = {
  readonly entries: number;
  /** The last entry; whoever keeps its number and hash elsewhere can compare later. Null: the log is empty. */
  readonly last: AuditMark | null;
  /** How many breaks there are; 0: the log is whole. */
  readonly breaks: number;
  /** The first of them. */
  readonly faults: readonly AuditFault[];
  /** When this process last found it whole; null: not since its start. */
  readonly wholeAt: number | null;
};

/** So many slices at most are compared before a stop goes on. */
const AT_STOP = 20;

/** What the looks of one process have found, whoever made them. */
type Memory = {
  /** When the latest look of the day began; null: none was made to its end. */
  lookedAt: number | null;
  wholeAt: number | null;
  /** The last entry when the log was last whole: it stays until it is pruned. */
  last: AuditMark | null;
  /** What an earlier process has kept of it was read, or there was nothing, or a person does not want it any more. */
  recalled: boolean;
};

/**
 * Looks through the audit log at the start, once a day, and when somebody asks, in slices between which everything else
 * gets its turn. A break is `audit-broken`: one alert, however many there are, and it lasts until a look finds the log
 * whole: after the right state was put back, or a person took the log as it stands. What a look has found has to be there
 * at the next, also after a reload or, by {@link EngineContext.auditHead}, a restart: an older end of the log that was put back bears our
 * seal.
 */
export class AuditWatch {
  readonly #context: EngineContext;
  readonly #committer: Committer;
  readonly #stopping: AbortSignal;
  readonly #memory: Memory;
  #looking: Promise<void> = Promise.resolve();

  /** @param former the one whose place it takes in the same process */
  constructor(
    context: EngineContext,
    committer: Committer,
    stopping: AbortSignal,
    former: AuditWatch | null = null,
  ) {
    this.#context = context;
    this.#committer = committer;
    this.#stopping = stopping;
    this.#memory =
      former === null ? { lookedAt: null, wholeAt: null, last: null, recalled: false } : former.#memory;
  }

  /**
   * The look of the day, where it was not made yet; the first is due at the start. It is no record with a due time: every
   * process looks for itself, and one that a stop cuts short is made after the next start. Where the log is whole, the daemon's
   * log has its last number and hash, for whoever has to compare. Never throws.
   */
  daily(): Promise<void> {
    const now = this.#context.clock.now();
    const { lookedAt } = this.#memory;
    if (lookedAt !== null && Math.abs(now - lookedAt) < DAY) return this.#looking;
    this.#memory.lookedAt = now;
    this.#looking = this.#lookDaily();
    return this.#looking;
  }

  /** Resolves once the daily look rests; after a stop that is soon, and the daemon's log has where the audit log ends. */
  async idle(): Promise<void> {
    await this.#looking;
    if (this.#stopping.aborted) await this.#tellEnd();
  }

  async #tellEnd(): Promise<void> {
    const { state, log } = this.#context;
    try {
      await this.#advance();
      const [last] = (await state.audit({ limit: 1 })).items;
      if (last !== undefined) log.info({ entry: last.number, hash: last.hash }, 'the audit log ends here');
    } catch (error) {
      log.warn({ error }, 'the last entry of the audit log could not be read');
    }
  }

  /** Keeps how far the log follows from the last entry that was found in its place, where it still does. */
  async #advance(): Promise<void> {
    // One that lived too short for a look goes on from what the process before it has kept.
    const recalled = await this.#recall();
    const { last } = this.#memory;
    if (!recalled || last === null) return;
    let mark = last;
    for (let slices = 0; slices < AT_STOP; slices += 1) {
      const slice = await this.#context.state.verifyAudit(mark, SLICE);
      if (slice.faults.length > 0) return;
      mark = slice.mark;
      if (slice.ended) break;
    }
    if (mark.number > last.number) await this.#keep(mark);
  }

  async #keep(mark: AuditMark): Promise<void> {
    const { auditHead, state, log } = this.#context;
    this.#memory.last = mark;
    if (auditHead === undefined || mark.number === 0) return;
    try {
      // A machine that fails must not lose from the log what is kept of it: this write has all those before it on the disk.
      await state.prove();
      await auditHead.save(mark);
    } catch (error) {
      log.warn({ error }, 'the end of the audit log could not be kept beside the state');
    }
  }

  /** Reads what an earlier process has found; false: it cannot be read, and is looked for again. */
  async #recall(): Promise<boolean> {
    const { auditHead, log } = this.#context;
    const memory = this.#memory;
    if (memory.recalled) return true;
    try {
      const last = (await auditHead?.load()) ?? null;
      if (!memory.recalled) memory.last = last;
      memory.recalled = true;
    } catch (error) {
      log.warn({ error }, 'what was kept of the end of the audit log cannot be read');
    }
    return memory.recalled;
  }

  async #lookDaily(): Promise<void> {
    const { log } = this.#context;
    try {
      const report = await this.verify();
      if (report === null) this.#memory.lookedAt = null;
      else if (report.breaks === 0 && report.last !== null)
        log.info(
          { entries: report.entries, entry: report.last.number, hash: report.last.hash },
          'the audit log is whole',
        );
    } catch (error) {
      log.warn({ error }, 'the audit log could not be looked through; it is tried again tomorrow');
    }
  }

  /** A look now; what it finds is told as the daily one's is. Null: the process stops. */
  async verify(): Promise<AuditReport | null> {
    const report = await this.#look();
    if (report !== null) await this.#committer.commit([], [signalOf(report, this.#context.clock.now())]);
    return report;
  }

  /**
   * Takes a broken log as it stands: chains it anew, writes to it who did so, why, and what was broken, and ends the alert.
   * A log that is whole is left alone. Returns what was found before.
   */
  async accept(actor: string, reason: string): Promise<AuditReport | null> {
    const { state, clock, auditHead } = this.#context;
    const report = await this.#look();
    const [first] = report?.faults ?? [];
    if (report === null || first === undefined) return report;
    const detail = { reason, breaks: report.breaks, first: brokenAt(first) };
    // What was kept is not given up where the state takes no writes.
    await state.prove();
    await auditHead?.forget();
    // Nor does a stop go on from what is about to change.
    Object.assign(this.#memory, { last: null, recalled: true });
    await state.acceptAudit({ at: clock.now(), actor, action: 'audit.accepted', credential: null, detail });
    // A look that came before may just have kept the former end.
    await auditHead?.forget();
    await this.verify();
    return report;
  }

  /** One who prunes the log or takes it as it stands, in another process too, can make it seem broken: it is looked at again. */
  async #look(): Promise<AuditReport | null> {
    const report = await this.#lookOnce();
    return report === null || report.breaks === 0 ? report : this.#lookOnce();
  }

  async #lookOnce(): Promise<AuditReport | null> {
    const { state, clock } = this.#context;
    const faults: AuditFault[] = [];
    let [entries, breaks] = [0, 0];
    const recalled = await this.#recall();
    for (let from: AuditMark | null = null; !this.#stopping.aborted; ) {
      const slice = await state.verifyAudit(from, SLICE, this.#memory.last);
      entries += slice.checked;
      breaks += slice.faults.length;
      faults.push(...slice.faults.slice(0, TOLD - faults.length));
      if (slice.ended) {
        if (!recalled) {
          breaks += 1;
          if (faults.length < TOLD) faults.push(unreadableAfter(slice.mark));
        }
        if (breaks === 0) {
          this.#memory.wholeAt = clock.now();
          await this.#keep(slice.mark);
        }
        const { wholeAt } = this.#memory;
        return { entries, last: entries === 0 ? null : slice.mark, breaks, faults, wholeAt };
      }
      from = slice.mark;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return null;
  }
}

/** What was kept may be all that shows an older end: without it nobody can say that the log is whole. */
function unreadableAfter({ number, at }: AuditMark): AuditFault {
  const after = at === null ? null : { number, at };
  return { what: 'unreadable', first: number, last: number, at: null, after };
}

function signalOf({ entries, breaks, faults, wholeAt }: AuditReport, at: number): Signal {
  const about = { kind: 'audit-broken', condition: 'chain', at } as const;
  const [first] = faults;
  if (first === undefined) return { type: 'resolve', ...about };
  const more = breaks === 1 ? '' : `, and ${breaks - 1} more ${breaks === 2 ? 'break' : 'breaks'}`;
  const whole =
    wholeAt === null
      ? 'It was not found whole since Keywarden started.'
      : `It was last found whole at ${formatTime(wholeAt)}.`;
  const before =
    first.after === null
      ? 'No entry stands before that.'
      : `The entry before that is ${first.after.number}, of ${formatTime(first.after.at)}.`;
  return {
    type: 'raise',
    ...about,
    severity: 'critical',
    title: `The audit log is broken: ${brokenAt(first)}${more}`,
    summary: `${causeOf(first)} ${before} ${whole} Keys are rotated and entries are written as before; nothing was repaired.`,
    action: `Copy the state directory, with its times (\`cp -a\`), before anything else. ${toDo(first)}`,
    deadline: null,
    evidence: evidenceOf(first, { entries, breaks, wholeAt }),
  };
}

function causeOf({ what }: AuditFault): string {
  if (what === 'replaced')
    return 'An earlier copy of the log, or of the whole state, was put back: what was done since stands in it no more. A backup that somebody restored on purpose explains it, where the database was restored and the file `.head` beside it was not; `state-restored` then says the same of the keys.';
  if (what === 'unreadable')
    return 'The file `.head` beside the database says how far the log went, and cannot be read: somebody wrote to it, it is older than the present master keys, or the disk is damaged. Until it can, an older end of the log that was put back does not show.';
  return "Somebody wrote to Keywarden's database, or the disk is damaged.";
}

function toDo({ what }: AuditFault): string {
  const [look, accept] = ['`keywarden audit verify`', '`keywarden audit verify --accept --reason TEXT`'];
  if (what === 'replaced') return `Where a backup was restored on purpose: ${accept}. Else: ${look}`;
  if (what === 'unreadable')
    return `Why it cannot be read stands in the daemon's log: put that right and ${look}, or give it up: ${accept}`;
  return `Then: ${look}`;
}

function evidenceOf(
  { what, first, at, after }: AuditFault,
  { entries, breaks, wholeAt }: Pick<AuditReport, 'entries' | 'breaks' | 'wholeAt'>,
): Evidence {
  return {
    what,
    entry: first,
    entryAt: at === null ? null : formatTime(at),
    entryBefore: after?.number ?? null,
    entryBeforeAt: after === null ? null : formatTime(after.at),
    lastWholeAt: wholeAt === null ? null : formatTime(wholeAt),
    breaks,
    entries,
  };
}
