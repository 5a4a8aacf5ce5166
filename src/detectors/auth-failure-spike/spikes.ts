import { type Finding, formatTime, MINUTE } from '../../model/index.ts';
import { sourcesPhrase } from '../evidence.ts';
import type { Source } from '../habits.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, textOrNull } from '../stored.ts';
import { Attackers, type Span } from './attackers.ts';
import { windowOf } from './bins.ts';
import { type Episode, Episodes, type Measure } from './episodes.ts';
import type { Judgement } from './failures.ts';
import type { Lesson, Priors } from './prior.ts';
import { actionFor, courseOf, filled, gotInPhrase, habitOf, lengthOf } from './words.ts';

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

  /** The key was accepted from an address, since `first`: news where that one failed before. */
  accepted(ip: string, first: number): void {
    if (this.#episodes.mayRise && this.#attackers.failedBefore(ip, first)) this.#episodes.changed = true;
  }

  /** What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. */
  tell(target: Target, settled: number, off: boolean): Finding[] {
    const findings = this.#episodes.tell(settled, off, {
      isInside: (...about) => this.#gotIn(...about, target).length > 0,
      describe: (...about) => this.#describe(...about, target),
    });
    if (!this.open) this.#attackers.rest();
    return findings;
  }

  #gotIn(episode: Episode, measure: Measure, { sources }: Target): readonly string[] {
    return this.#attackers.gotIn(spanOf(episode, measure), LET_IN, sources);
  }

  #describe(episode: Episode, measure: Measure, about: Target): Finding {
    const { keyId } = about;
    const { firstAt, lastAt, count, critical } = measure;
    const { ips, countries, ...lists } = this.#attackers.during(spanOf(episode, measure));
    const gotIn = this.#gotIn(episode, measure, about);
    const usual = habitOf(this.#episodes.perDay);
    const target = keyId === null ? 'without a valid key' : `on ${keyId}`;
    const entered = gotIn.length > 0 ? `; ${gotInPhrase(gotIn)}` : '';
    const credential = this.#credential;
    return {
      kind: 'auth-failure-spike',
      severity: critical || gotIn.length > 0 ? 'critical' : 'warning',
      condition: conditionOf(keyId),
      at: episode.decidedAt,
      keyId,
      credential,
      ips,
      firstEventAt: firstAt,
      lastEventAt: lastAt,
      title: `${count} refused logins ${target} in ${lengthOf(lastAt - firstAt)} from ${sourcesPhrase(ips, countries)}${entered}; usual: ${usual}`,
      summary: `Since ${formatTime(firstAt)} the provider has refused ${count} logins ${target}${credential === null ? '' : ` (${credential})`}; usual is ${usual}.${gotIn.length > 0 ? ` After failing, ${gotIn.join(', ')} ${gotIn.length > 1 ? 'were' : 'was'} let in.` : ''}`,
      action: actionFor(credential, keyId, gotIn.length > 0),
      evidence: {
        keyId,
        count,
        window: windowOf(episode.test),
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

function spanOf({ streams }: Episode, { firstAt, lastAt }: Measure): Span {
  return { streams, from: firstAt, until: lastAt + 1_000 };
}

/** The end of a key's alert of which nothing is known any more: what was noted of the key is gone, or cannot be read. */
export function lostSpike(keyId: string, at: number): Finding {
  return {
    kind: 'auth-failure-spike',
    severity: 'warning',
    condition: conditionOf(keyId),
    at,
    keyId,
    credential: null,
    ips: [],
    firstEventAt: at,
    lastEventAt: at,
    title: `refused logins on ${keyId}: what was known of them is lost`,
    summary: `What was noted of the refused logins on ${keyId} cannot be read any more, so that this alert ends. What goes on is told anew.`,
    action: null,
    evidence: { keyId },
    ended: true,
  };
}

function conditionOf(keyId: string | null): string {
  return keyId === null ? 'no key' : `key ${keyId}`;
}
