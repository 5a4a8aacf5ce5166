import { type Finding, formatDuration, formatTime, MINUTE } from '../model/index.ts';
import { Attackers } from './attackers.ts';
import { WINDOWS } from './baseline.ts';
import { loadTold, saveTold, sourcesPhrase, type Told } from './evidence.ts';
import { type Bin, Failures, minuteOf, reachOf, type Shot, type Stream } from './failures.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, textOrNull } from './stored.ts';

/** A source that failed and is let in so long after an episode's last failure was part of it. */
const LET_IN = 30 * MINUTE;
/** Refused logins in five minutes that make a spike critical. */
const CRITICAL = 20;

/** How a failure is to be judged. */
export type Judgement = {
  readonly stream: Stream;
  /** The minute from which the key is watched. */
  readonly since: number;
  /** The chance of a false alarm allowed to each window of each bin. */
  readonly budget: number;
};

/** A run of bins that fire, each within the reach of the one before. What its bins say is added up when it is told. */
type Episode = {
  first: number;
  last: number;
  /** The streams that fire in it: 1, 2, or 3 for both. */
  streams: number;
  readonly decidedAt: number;
  readonly window: number;
  readonly expected: number;
  /** Of bins already learnt and dropped: the first and the last failure's time, their number, whether they were critical. */
  begunAt: number;
  doneAt: number;
  dropped: number;
  critical: boolean;
  told: Told | null;
};

type Measure = {
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  readonly critical: boolean;
};

/** The failures of one key and the episodes among them. */
export class KeySpikes {
  readonly keyId: string | null;
  readonly credential: string | null;
  readonly #failures: Failures;
  readonly #attackers: Attackers;
  #episodes: Episode[] = [];
  #changed = false;
  /** When the last failure happened. */
  lastAt = 0;

  constructor(
    keyId: string | null,
    credential: string | null,
    failures = new Failures(),
    attackers = new Attackers(),
  ) {
    this.keyId = keyId;
    this.credential = credential;
    this.#failures = failures;
    this.#attackers = attackers;
  }

  static load(stored: Json): KeySpikes {
    const [keyId, credential, lastAt, failures, attackers, episodes] = list(stored);
    const loaded = new KeySpikes(
      textOrNull(keyId ?? null),
      textOrNull(credential ?? null),
      Failures.load(failures),
      Attackers.load(attackers),
    );
    loaded.lastAt = number(lastAt);
    loaded.#episodes = list(episodes).map(loadEpisode);
    return loaded;
  }

  save(): Json {
    return [
      this.keyId,
      this.credential,
      this.lastAt,
      this.#failures.save(),
      this.#attackers.save(),
      this.#episodes.map((episode) => [
        episode.first,
        episode.last,
        episode.streams,
        episode.decidedAt,
        episode.window,
        episode.expected,
        Number.isFinite(episode.begunAt) ? episode.begunAt : null,
        episode.doneAt,
        episode.dropped,
        episode.critical ? 1 : 0,
        saveTold(episode.told),
      ]),
    ];
  }

  /** Whether an episode is under way. */
  get open(): boolean {
    return this.#episodes.length > 0;
  }

  failed(sight: Sight, { stream, since, budget }: Judgement): void {
    const settled = minuteOf(sight.clock.settled);
    this.#failures.settle(settled, since, (bins) => this.#leaving(bins));
    this.#attackers.failed(sight, stream);
    this.lastAt = Math.max(this.lastAt, sight.at);
    const shots = this.#failures.add(sight.at, stream, since, budget);
    for (const shot of shots) this.#join(shot, sight.at);
    this.#changed = true;
  }

  succeeded(ip: string, at: number): void {
    if (this.#attackers.succeeded(ip, at)) this.#changed = true;
  }

  #join({ minute, stream, window, expected }: Shot, at: number): void {
    const near = this.#episodes.filter(
      ({ first, last }) =>
        minute + reachOf(this.#failures.at(minute)) >= first &&
        minute <= last + reachOf(this.#failures.at(last)),
    );
    const [head, ...rest] = near;
    if (head === undefined) {
      this.#episodes.push({
        first: minute,
        last: minute,
        streams: 1 << stream,
        decidedAt: at,
        window,
        expected,
        begunAt: Number.POSITIVE_INFINITY,
        doneAt: 0,
        dropped: 0,
        critical: false,
        told: null,
      });
      this.#episodes.sort((a, b) => a.first - b.first);
      return;
    }
    head.first = Math.min(head.first, minute, ...rest.map(({ first }) => first));
    head.last = Math.max(head.last, minute, ...rest.map(({ last }) => last));
    head.streams |= 1 << stream;
    for (const other of rest) {
      head.streams |= other.streams;
      head.begunAt = Math.min(head.begunAt, other.begunAt);
      head.doneAt = Math.max(head.doneAt, other.doneAt);
      head.dropped += other.dropped;
      head.critical ||= other.critical;
      head.told ??= other.told;
    }
    this.#episodes = this.#episodes.filter((episode) => !rest.includes(episode));
  }

  /** Bins leave for good: what they say of an episode is kept in it. */
  #leaving(bins: readonly Bin[]): void {
    const end = bins.at(-1)?.minute ?? 0;
    for (const episode of this.#episodes) {
      if (episode.first > end) continue;
      const { firstAt, critical } = this.#measure(episode);
      const from = minuteOf(firstAt);
      episode.begunAt = firstAt;
      episode.critical = critical;
      for (const bin of bins) {
        const failures = failuresIn(bin, episode);
        if (failures === 0 || bin.minute < from || bin.minute > episode.last) continue;
        episode.dropped += failures;
        episode.doneAt = Math.max(episode.doneAt, bin.to);
      }
    }
  }

  #measure(episode: Episode): Measure {
    const { bins } = this.#failures;
    let from = Math.min(minuteOf(episode.begunAt), episode.first);
    for (const { minute, fires } of bins) {
      const window = WINDOWS[Math.max(...fires) - 1];
      if (window === undefined || minute < episode.first || minute > episode.last) continue;
      const start = minute - window + 1;
      from = Math.min(
        from,
        bins.find((bin) => bin.minute >= start && failuresIn(bin, episode) > 0)?.minute ?? minute,
      );
    }
    const part = bins.filter(
      (bin) => bin.minute >= from && bin.minute <= episode.last && failuresIn(bin, episode) > 0,
    );
    return {
      firstAt: Math.min(episode.begunAt, ...part.slice(0, 1).map((bin) => bin.from)),
      lastAt: Math.max(episode.doneAt, ...part.slice(-1).map((bin) => bin.to)),
      count: part.reduce((sum, bin) => sum + failuresIn(bin, episode), episode.dropped),
      critical: episode.critical || busiest(part, episode) >= CRITICAL,
    };
  }

  /** What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. */
  tell(settled: number, off: boolean): Finding[] {
    const findings: Finding[] = [];
    while (this.#episodes.length > 0) {
      const [episode] = this.#episodes;
      if (episode === undefined) break;
      const over = off || settled >= (episode.last + reachOf(this.#failures.at(episode.last)) + 1) * MINUTE;
      if (!this.#changed && !over) break;
      const finding = this.#describe(episode);
      const told = this.#news(episode, finding);
      if (told !== null && !off) {
        findings.push(finding);
        episode.told = told;
      }
      if (!over) break;
      if (episode.told !== null) findings.push({ ...finding, at: finding.lastEventAt, ended: true });
      this.#episodes.shift();
    }
    this.#changed = false;
    return findings;
  }

  /** The telling that this finding is worth; null where nothing much has changed since the last. */
  #news({ told }: Episode, finding: Finding): Told | null {
    const count = Number(finding.evidence.count);
    const critical = finding.severity === 'critical';
    if (told !== null && count < 2 * told.count && !(critical && !told.critical)) return null;
    return { at: finding.lastEventAt, count, critical };
  }

  #describe(episode: Episode): Finding {
    const { firstAt, lastAt, count, critical } = this.#measure(episode);
    const found = this.#attackers.during(episode.streams, firstAt, lastAt + 1, LET_IN);
    const { gotIn, ...lists } = found;
    const span = spanOf(lastAt - firstAt);
    const usual = habit(this.#failures.perDay);
    const target = this.keyId === null ? 'without a valid key' : `on ${this.keyId}`;
    const entered = gotIn.length > 0 ? `; ${gotIn[0]} got in` : '';
    return {
      kind: 'auth-failure-spike',
      severity: critical || gotIn.length > 0 ? 'critical' : 'warning',
      condition: this.keyId === null ? 'no key' : `key ${this.keyId}`,
      at: episode.decidedAt,
      keyId: this.keyId,
      credential: this.credential,
      ips: found.ips,
      firstEventAt: firstAt,
      lastEventAt: lastAt,
      title: `${count} refused logins ${target} in ${span} from ${sourcesPhrase(found.ips, found.countries)}${entered}; usual: ${usual}`,
      summary: `Since ${formatTime(firstAt)} the provider has refused ${count} logins ${target}${this.credential === null ? '' : ` (${this.credential})`}; usual is ${usual}.${gotIn.length > 0 ? ` After failing, ${gotIn.join(', ')} was let in.` : ''}`,
      action: actionFor(this.credential, gotIn.length > 0),
      evidence: {
        keyId: this.keyId,
        count,
        window: formatDuration((WINDOWS[episode.window] ?? 1) * MINUTE),
        expected: Number(episode.expected.toPrecision(2)),
        ...lists,
        ...(gotIn.length > 0 ? { gotIn } : {}),
      },
    };
  }
}

function actionFor(credential: string | null, gotIn: boolean): string {
  if (gotIn && credential !== null) {
    return `Somebody may hold the key: keywarden rotate ${credential} --emergency, unless the source is yours.`;
  }
  return gotIn
    ? 'Somebody may hold the key: replace it at the provider, unless the source is yours.'
    : 'If the sources are yours, an application has a wrong or expired key; else have them blocked at the provider.';
}

/** The failures of a bin in the streams that fire. */
function failuresIn({ counts }: Bin, { streams }: Episode): number {
  return ((streams & 1) === 0 ? 0 : counts[0]) + ((streams & 2) === 0 ? 0 : counts[1]);
}

/** The most failures within five minutes. */
function busiest(bins: readonly Bin[], episode: Episode): number {
  let most = 0;
  let sum = 0;
  let tail = 0;
  for (const bin of bins) {
    sum += failuresIn(bin, episode);
    for (let old = bins[tail]; old !== undefined && old.minute <= bin.minute - 5; old = bins[tail]) {
      sum -= failuresIn(old, episode);
      tail += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

function spanOf(ms: number): string {
  const minutes = Math.floor(ms / MINUTE) + 1;
  return minutes < 60 ? `${minutes} min` : formatDuration(minutes * MINUTE);
}

function habit(perDay: number): string {
  if (perDay < 1) return 'under 1 a day';
  return perDay < 48 ? `about ${Math.round(perDay)} a day` : `about ${Math.round(perDay / 24)} an hour`;
}

function loadEpisode(stored: Json): Episode {
  const [first, last, streams, decidedAt, window, expected, begunAt, doneAt, dropped, critical, told] =
    list(stored);
  return {
    first: number(first),
    last: number(last),
    streams: number(streams),
    decidedAt: number(decidedAt),
    window: number(window),
    expected: number(expected),
    begunAt: begunAt === null ? Number.POSITIVE_INFINITY : number(begunAt),
    doneAt: number(doneAt),
    dropped: number(dropped),
    critical: critical === 1,
    told: loadTold(told),
  };
}
