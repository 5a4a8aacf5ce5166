import { type Finding, formatDuration, formatTime, HOUR } from '../model/index.ts';
import type { WatchContext } from './contract.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { LATENESS, REPEATS } from './log-clock.ts';
import { AccountPace, type Silence } from './log-silence-account.ts';
import { type Json, list, number, numberOrNull, textOrNull } from './stored.ts';

/** So many events in a row, and nothing newer, make a feed late. */
const LATE_EVENTS = 5;

/**
 * Sees that the log says nothing of what happens:
 *
 * - polls fail, or the cursor does not move, for longer than `after`;
 * - polls succeed and bring nothing but events that the poll before should have brought, by more than `after` (and by
 *   more than the quarter of an hour that lateness and repeats explain);
 * - a busy account falls silent: an hour brought a fiftieth of the least that it held in every week, see {@link AccountPace}.
 *
 * A quiet account is no silence. Keeps since when and of what it has told, and the 168 lows of the week.
 */
export const logSilence: DetectorFactory = {
  form: 3,
  upgrade: (stored) => [stored, [null, null, 0, 0, null], null],
  make,
};

function make({ rules, stored }: DetectorInput): Detector {
  const after = rules.detectors['log-silence']?.after ?? null;
  const [ofFeed, ofLate, ofAccount] = stored === undefined ? [] : list(stored);
  const feed = new FeedWatch(ofFeed);
  const late = new LateWatch(ofLate);
  const account = new AccountPace(ofAccount ?? undefined);
  let toldSilence = account.silence;
  return {
    see(sight) {
      if (after === null) return;
      late.see(sight.event.time);
      account.add(sight.at, sight.mark);
    },
    tell(clock, context) {
      if (after === null) account.silence = null;
      else account.settle(clock.settled);
      const { silence } = account;
      const before = toldSilence;
      toldSilence = silence;
      if (before !== null && silence !== before) return [silenceOf(context, before, true)];
      return silence === null || silence === before ? [] : [silenceOf(context, silence, false)];
    },
    tick(context) {
      return [...feed.tick(context, after), ...late.tick(context, after)];
    },
    save: () => [feed.save(), late.save(), account.save()],
  };
}

/** Polls that get no further. */
class FeedWatch {
  #since: number | null;
  #trouble: string | null;
  #toldAt: number | null;

  constructor(stored: Json | undefined) {
    const [since, trouble, toldAt] = stored === undefined ? [] : list(stored);
    this.#since = numberOrNull(since ?? null);
    this.#trouble = textOrNull(trouble ?? null);
    this.#toldAt = numberOrNull(toldAt ?? null);
  }

  tick(context: WatchContext, after: number | null): readonly Finding[] {
    const trouble = context.feed?.trouble ?? null;
    if (after === null || trouble === null) return this.#over(context);
    this.#since ??= context.now;
    this.#trouble = trouble;
    if (this.#toldAt !== null || context.now - this.#since < after) return [];
    this.#toldAt = context.now;
    return [this.#finding(context, this.#since)];
  }

  #over(context: WatchContext): readonly Finding[] {
    const told = this.#toldAt !== null && this.#since !== null;
    const findings = told ? [{ ...this.#finding(context, this.#since ?? 0), ended: true }] : [];
    this.#since = null;
    this.#trouble = null;
    this.#toldAt = null;
    return findings;
  }

  #finding(context: WatchContext, from: number): Finding {
    const trouble = this.#trouble;
    return {
      ...common(context, 'feed', from, context.now),
      title: `the log ${context.monitor} has not been read for ${formatDuration(context.now - from)}: ${trouble}`,
      summary: `Since ${formatTime(from)} no poll of ${context.monitor} has got further: ${trouble}. Nothing is detected meanwhile; reading resumes where it stopped, and what happened is told then.`,
      action: 'See what is wrong: `keywarden check` tries the key that reads the log.',
      evidence: { ips: [], since: formatTime(from), trouble },
    };
  }

  save(): Json {
    return [this.#since, this.#trouble, this.#toldAt];
  }
}

/** Polls that succeed and bring old news. */
class LateWatch {
  /** The last poll that read the log to its end; null where polls failed since. */
  #polledAt: number | null;
  #since: number | null;
  #events: number;
  /** The time of the newest event. */
  #newest: number;
  #toldAt: number | null;
  /** Of the poll under way. */
  #seen: { events: number; newest: number } = { events: 0, newest: 0 };

  constructor(stored: Json | undefined) {
    const [polledAt, since, events, newest, toldAt] =
      stored === undefined ? [null, null, 0, 0, null] : list(stored);
    this.#polledAt = numberOrNull(polledAt ?? null);
    this.#since = numberOrNull(since ?? null);
    this.#events = number(events);
    this.#newest = number(newest);
    this.#toldAt = numberOrNull(toldAt ?? null);
  }

  see(time: number): void {
    this.#seen.events += 1;
    if (time > this.#seen.newest) this.#seen.newest = time;
  }

  tick(context: WatchContext, after: number | null): readonly Finding[] {
    const { feed, now } = context;
    if (feed === null || after === null) return this.#over(context);
    // After a failed poll the log may be read again from earlier on.
    if (feed.trouble !== null) this.#polledAt = null;
    if (!feed.caughtUp) return [];
    const { events, newest } = this.#seen;
    const should = this.#polledAt;
    this.#seen = { events: 0, newest: 0 };
    this.#polledAt = now;
    if (events === 0 || should === null) return [];
    if (newest >= should - Math.max(after, LATENESS + REPEATS)) return this.#over(context);
    this.#since ??= now;
    this.#events += events;
    this.#newest = Math.max(this.#newest, newest);
    if (this.#toldAt !== null || this.#events < LATE_EVENTS) return [];
    this.#toldAt = now;
    return [this.#finding(context, this.#since)];
  }

  #over(context: WatchContext): readonly Finding[] {
    const told = this.#toldAt !== null && this.#since !== null;
    const findings = told ? [{ ...this.#finding(context, this.#since ?? 0), ended: true }] : [];
    this.#since = null;
    this.#events = 0;
    this.#newest = 0;
    this.#toldAt = null;
    return findings;
  }

  #finding(context: WatchContext, from: number): Finding {
    const lag = formatDuration(context.now - this.#newest);
    return {
      ...common(context, 'late', from, context.now),
      title: `the log ${context.monitor} is ${lag} late: its newest event is of ${formatTime(this.#newest)}`,
      summary: `Since ${formatTime(from)} every poll of ${context.monitor} succeeded and brought events that earlier polls should have brought. Whatever happens is seen ${lag} late meanwhile.`,
      action: "Look at the provider's status page; tell its support that the log is late.",
      evidence: {
        ips: [],
        since: formatTime(from),
        lag,
        newest: formatTime(this.#newest),
        count: this.#events,
      },
    };
  }

  save(): Json {
    return [this.#polledAt, this.#since, this.#events, this.#newest, this.#toldAt];
  }
}

function silenceOf(context: WatchContext, { from, last, count, due }: Silence, ended: boolean): Finding {
  const since = formatTime(from * HOUR);
  return {
    ...common(context, 'account', from * HOUR, (last + 1) * HOUR),
    at: (last + 1) * HOUR,
    title: `the log ${context.monitor} has fallen silent: ${count} events in an hour that never held fewer than ${due}`,
    summary: `Since ${since} the log brings next to nothing, though its polls succeed: either the applications stand still, or the provider no longer writes down what happens.`,
    action: 'See whether the applications work. If they do, tell the provider that its log is incomplete.',
    evidence: { ips: [], since, count, baseline: `${due} or more in this hour of the week` },
    ...(ended ? { ended: true } : {}),
  };
}

function common(context: WatchContext, condition: string, from: number, to: number) {
  return {
    kind: 'log-silence',
    severity: 'warning',
    condition,
    at: context.now,
    keyId: null,
    credential: null,
    ips: [],
    firstEventAt: from,
    lastEventAt: to,
  } as const;
}
