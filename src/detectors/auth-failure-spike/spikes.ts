import { type Finding, formatDuration, formatTime, MINUTE } from '../../model/index.ts';
import { sourcesPhrase, type Told } from '../evidence.ts';
import type { Source } from '../habits.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, textOrNull } from '../stored.ts';
import { Attackers } from './attackers.ts';
import { widthOf } from './bins.ts';
import { type Episode, Episodes } from './episodes.ts';
import type { Judgement } from './failures.ts';
import type { Lesson, Priors } from './prior.ts';
import { actionFor, courseOf, filled, habitOf, spanOf } from './words.ts';

/** A source that failed and is let in so long after an episode's last failure was part of it. */
const LET_IN = 30 * MINUTE;
/** The form of what is noted of a key. */
const FORM = 3;

/** Whose failures they are, and from where the key was accepted. */
export type Target = {
  /** Null: calls without a key that exists. */
  readonly keyId: string | null;
  readonly sources: ReadonlyMap<string, Source> | null;
};

/** A failure as it looks to its key. */
export type Failed = {
  /** Whether the address has not failed with the key lately. */
  readonly first: boolean;
  /** Failures a day that are usual in its stream. */
  readonly usual: number;
};

/** The failures of one key and the episodes among them. */
export class KeySpikes {
  #credential: string | null;
  readonly #episodes: Episodes;
  readonly #attackers: Attackers;

  constructor(episodes: Episodes, attackers = new Attackers(), credential: string | null = null) {
    this.#episodes = episodes;
    this.#attackers = attackers;
    this.#credential = credential;
  }

  static begin(priors: Priors): KeySpikes {
    return new KeySpikes(Episodes.begin(priors));
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json): KeySpikes {
    const [form, credential, episodes, attackers] = list(stored);
    if (form !== FORM)
      throw new TypeError(`a key's refused logins have the form ${form}, this build reads ${FORM}`);
    return new KeySpikes(Episodes.load(episodes), Attackers.load(attackers), textOrNull(credential ?? null));
  }

  save(): Json {
    return [FORM, this.#credential, this.#episodes.save(), this.#attackers.save()];
  }

  /** Whether an episode is under way. */
  get open(): boolean {
    return this.#episodes.open.length > 0;
  }

  /** What the key teaches of others, since it was last asked. */
  lesson(): readonly [Lesson, Lesson] {
    return this.#episodes.lesson();
  }

  failed(sight: Sight, judgement: Judgement): Failed {
    this.#credential = sight.key?.credential ?? this.#credential;
    this.#episodes.add(sight.at, 1, sight.clock.settled, judgement);
    const first = this.#attackers.failed(sight, judgement.stream, this.open);
    return { first, usual: this.#episodes.usual(sight.at, judgement) };
  }

  /** The key was accepted from an address: news where that one failed. */
  accepted(ip: string): void {
    if (this.#attackers.has(ip)) this.#episodes.changed = true;
  }

  /** What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. */
  tell(target: Target, settled: number, off: boolean): Finding[] {
    const findings: Finding[] = [];
    const { changed } = this.#episodes;
    for (let [episode] = this.#episodes.open; episode !== undefined; [episode] = this.#episodes.open) {
      const over = off || this.#episodes.over(episode, settled);
      if (!changed && !over && episode.told !== null) break;
      const finding = this.#describe(episode, target);
      const told = newsOf(episode, finding);
      if (told !== null && !off) {
        findings.push(
          episode.told === null && episode.why !== null ? { ...finding, why: episode.why } : finding,
        );
        episode.told = told;
      }
      if (!over) break;
      if (episode.told !== null) findings.push({ ...finding, at: finding.lastEventAt, ended: true });
      this.#episodes.shift();
    }
    if (!this.open) this.#attackers.rest();
    this.#episodes.changed = false;
    return findings;
  }

  #describe(episode: Episode, { keyId, sources }: Target): Finding {
    const measure = this.#episodes.measure(episode);
    const { firstAt, lastAt, count, critical } = measure;
    const span = { streams: episode.streams, from: firstAt, until: lastAt + 1_000 };
    const { ips, countries, ...lists } = this.#attackers.during(span);
    const gotIn = this.#attackers.gotIn(span, LET_IN, sources);
    const usual = habitOf(this.#episodes.perDay);
    const target = keyId === null ? 'without a valid key' : `on ${keyId}`;
    const entered = gotIn.length > 0 ? `; ${gotIn[0]} got in` : '';
    const credential = this.#credential;
    return {
      kind: 'auth-failure-spike',
      severity: critical || gotIn.length > 0 ? 'critical' : 'warning',
      condition: keyId === null ? 'no key' : `key ${keyId}`,
      at: episode.decidedAt,
      keyId,
      credential,
      ips,
      firstEventAt: firstAt,
      lastEventAt: lastAt,
      title: `${count} refused logins ${target} in ${spanOf(lastAt - firstAt)} from ${sourcesPhrase(ips, countries)}${entered}; usual: ${usual}`,
      summary: `Since ${formatTime(firstAt)} the provider has refused ${count} logins ${target}${credential === null ? '' : ` (${credential})`}; usual is ${usual}.${gotIn.length > 0 ? ` After failing, ${gotIn.join(', ')} was let in.` : ''}`,
      action: actionFor(credential, keyId, gotIn.length > 0),
      evidence: {
        keyId,
        count,
        window: formatDuration(widthOf(episode.test) * MINUTE),
        expected: Number(episode.expected.toPrecision(2)),
        usual,
        ips,
        ...filled({ ...lists, countries, gotIn }),
        ...(episode.streams === 2 ? { knownSources: true } : {}),
        ...courseOf(measure),
      },
    };
  }
}

/** The telling that this finding is worth; null where nothing much has changed since the last. */
export function newsOf({ told }: { readonly told: Told | null }, finding: Finding): Told | null {
  const count = Number(finding.evidence.count);
  const critical = finding.severity === 'critical';
  if (told !== null && count < 2 * told.count && !(critical && !told.critical)) return null;
  return { at: finding.lastEventAt, count, critical };
}
