import type {
  Change,
  ClientRecord,
  GrantDue,
  HeldGrant,
  RefreshAttempt,
  Signal,
} from '../../../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND, Secret } from '../../../model/index.ts';
import type { Random } from '../../testing/random.ts';
import { handOutMargin, isRejected } from '../access.ts';
import { rejectToken } from '../asked.ts';
import { foldConsent } from '../consent.ts';
import { foldGrant, intendGrant } from '../fold.ts';
import { forgetGrant } from '../forget.ts';
import { blankClient, isPaused } from '../pauses.ts';
import { planGrant } from '../plan.ts';
import type { GrantAction, GrantOutcome, GrantPolicy, GrantSituation } from '../situation.ts';
import { failure, heldGrant, INVALID_GRANT, POLICY, START, tokens } from './desk.ts';
import { ACCESS_LIFE, ServerGrant } from './server.ts';

/** What may go wrong with a request. */
export const FAULTS = [
  'lost-before',
  'lost-after',
  'crash-before',
  'crash-after',
  'crash-sealed',
  'not-sent',
  'unavailable',
  'rate-limited',
  'client-refused',
  'request-refused',
  'malformed',
  'no-token',
  'denied',
] as const;
type Fault = (typeof FAULTS)[number];

type Row = { held: HeldGrant; due: GrantDue; readonly server: ServerGrant };
/** What is known of a token that was presented: nothing, or what became of it. */
type Presented = 'open' | 'answered';

/**
 * A client with some grants, its server and a loop that turns them, on one clock. Each presentation of a token and each
 * commit is held against the laws; a breach throws.
 */
export class Estate {
  now = START;
  faults = 0.4;
  /** Whether users and applications do something while requests are under way. */
  busy = true;
  readonly rows = new Map<string, Row>();
  readonly alerts = new Set<string>();
  client: ClientRecord = blankClient(POLICY.client);
  readonly policy: GrantPolicy;
  readonly #random: Random;
  readonly #kinds: readonly Fault[];
  readonly #presented = new Map<string, Presented>();
  #clientRevision = 0;

  constructor(random: Random, kinds: readonly Fault[], grants: number, refreshGrace: number) {
    this.#random = random;
    this.#kinds = kinds;
    this.policy = { ...POLICY, refreshGrace };
    for (let index = 0; index < grants; index += 1) {
      const subject = `user-${index}`;
      const held = heldGrant({ subject });
      this.rows.set(subject, {
        held: { ...held, refresh: Secret.from('1') },
        due: { at: START, lane: 'idle' },
        server: new ServerGrant(refreshGrace),
      });
    }
  }

  /** Turns every grant that is due, as far as the client's pause lets it. */
  turn(): void {
    const due = [...this.rows].filter(([, row]) => row.due.at <= this.now);
    for (const [subject] of due) {
      if (isPaused(this.client, this.now)) return;
      const trial = this.client.pause !== null;
      this.#work(subject);
      if (trial && this.client.pause !== null) return;
    }
  }

  /** The clock goes on to the next thing to be done, or by a random time. */
  advance(): void {
    const next = Math.min(...[...this.rows.values()].map(({ due }) => due.at));
    const resumes = Math.max(next, isPaused(this.client, this.now) ? (this.client.pause?.until ?? 0) : 0);
    const random = this.now + 1 + this.#random.upTo(this.#random.of([SECOND, MINUTE, HOUR, DAY]));
    this.now =
      this.#random.chance(0.7) && Number.isFinite(resumes) ? Math.max(resumes, this.now + 1) : random;
  }

  /** A user, an application or an operator does something. */
  happen(): void {
    if (this.rows.size === 0) return;
    const [subject, row] = this.#random.of([...this.rows]);
    const { held } = row;
    const { grant } = held;
    const roll = this.#random.unit();
    if (roll < 0.5) this.use(subject);
    else if (roll < 0.7) this.#commit(subject, rejectToken(held, grant.generation, this.now), []);
    else if (roll < 0.75) row.server.alive = false;
    else if (roll < 0.8 && grant.state !== 'forgotten') {
      const { changes, signals } = forgetGrant(held, 'web', this.now);
      this.#commit(subject, changes, signals);
    } else if (roll > 0.9 || grant.state === 'consent-required') this.consent(subject);
  }

  /** An application wants a token. */
  use(subject: string): void {
    const row = this.#row(subject);
    row.held = { ...row.held, grant: { ...row.held.grant, usedAt: this.now } };
    row.due = { at: Math.min(row.due.at, this.now), lane: 'waiting' };
  }

  consent(subject: string): void {
    const { held, server } = this.#row(subject);
    const answer = tokens(0, { refresh: Secret.from(String(server.consent())) });
    const { scopes } = this.policy;
    const folded = foldConsent(
      { policy: this.policy, subject, known: held, tokens: answer, scopes, sentAt: this.now, actor: 'web' },
      this.now,
    );
    if ('failure' in folded) throw new Error('a consent failed');
    this.#commit(subject, folded.changes, folded.signals);
  }

  #row(subject: string): Row {
    const row = this.rows.get(subject);
    if (row === undefined) throw new Error(`${subject} is gone`);
    return row;
  }

  #situation(subject: string): GrantSituation {
    const { held, due } = this.#row(subject);
    const token = held.refresh.reveal();
    return {
      policy: this.policy,
      held,
      client: this.client,
      clientRevision: this.#clientRevision,
      grants: this.rows.size,
      wanted: [],
      lane: due.lane,
      fingerprint: `${subject}:${token}`,
      spread: ((Number(token) * 7919 + subject.length) % 100) / 100,
    };
  }

  /** One claim: turns of the loop until the grant waits, or the process dies. */
  #work(subject: string): void {
    for (let turns = 0; turns < 10; turns += 1) {
      const situation = this.#situation(subject);
      const action = planGrant(situation, this.now);
      if (action.do === 'wait') {
        law(
          Number.isSafeInteger(action.until) && action.until > this.now,
          'what waits, waits for a time to come',
        );
        this.#row(subject).due = { at: action.until, lane: action.lane };
        return;
      }
      this.#commit(subject, intendGrant(situation, action, this.now), []);
      const outcome = this.#perform(subject, action);
      if (outcome === null) return;
      if (this.busy && this.#random.chance(this.faults / 20)) this.happen();
      const { changes, signals } = foldGrant(this.#situation(subject), action, outcome, this.now);
      this.#commit(subject, changes, signals);
      if (!this.rows.has(subject)) return;
    }
    throw new Error('a grant is turned without an end');
  }

  /** Null: the process dies before the outcome is committed. */
  #perform(subject: string, action: GrantAction): GrantOutcome | null {
    switch (action.do) {
      case 'refresh':
        return this.#refresh(subject, action.attempt, this.#fault());
      case 'take':
        return this.#take(subject);
      case 'revoke':
        return {
          of: 'revoke',
          failure: this.#random.chance(this.faults) ? failure('timeout', 'unknown') : null,
        };
      default:
        return { of: 'step' };
    }
  }

  #fault(): Fault | null {
    return this.#random.chance(this.faults) && this.#kinds.length > 0 ? this.#random.of(this.#kinds) : null;
  }

  #refresh(subject: string, attempt: RefreshAttempt, fault: Fault | null): GrantOutcome | null {
    const { server, held } = this.#row(subject);
    const refused = (code: string, verdict: 'retryable' | 'permanent'): GrantOutcome => {
      return { of: 'refresh', failure: failure(code, verdict) };
    };
    if (fault === 'not-sent') return refused('unreachable', 'retryable');
    this.#present(held, attempt);
    if (fault === 'unavailable') return refused('unavailable', 'retryable');
    if (fault === 'rate-limited') return refused('rate_limited', 'retryable');
    if (fault === 'client-refused') return refused('invalid_client', 'permanent');
    if (fault === 'request-refused') return refused('invalid_request', 'permanent');
    if (fault === 'denied') return { of: 'refresh', failure: INVALID_GRANT };
    this.#presented.set(attempt.fingerprint, 'open');
    if (fault === 'crash-before') return null;
    this.now += this.#random.upTo(2 * SECOND);
    if (fault === 'lost-before') return { of: 'refresh', failure: failure('timeout', 'unknown') };
    const token = server.present(Number(held.refresh.reveal()), this.now);
    if (fault === 'crash-after') return null;
    if (fault === 'lost-after') return { of: 'refresh', failure: failure('timeout', 'unknown') };
    if (token === null) return { of: 'refresh', failure: INVALID_GRANT };
    if (fault === 'no-token') return { of: 'refresh', answer: Secret.from('nothing') };
    this.#presented.set(attempt.fingerprint, 'answered');
    const answer = Secret.from(`${fault === 'malformed' ? 'faulty' : 'good'} ${token}`);
    if (fault !== 'crash-sealed') return { of: 'refresh', answer };
    const sealed = foldGrant(
      this.#situation(subject),
      { do: 'refresh', attempt },
      { of: 'refresh', answer },
      this.now,
    );
    this.#commit(subject, sealed.changes, sealed.signals);
    return null;
  }

  #take(subject: string): GrantOutcome {
    const [how = '', token = ''] = (this.#row(subject).held.answer?.reveal() ?? '').split(' ');
    if (how === 'nothing') return { of: 'take', failure: failure('unusable_answer', 'unknown') };
    const faults = how === 'faulty' ? ['token_type is missing'] : [];
    return {
      of: 'take',
      tokens: tokens(0, { refresh: Secret.from(token), expiresIn: ACCESS_LIFE, faults }),
    };
  }

  /** No token twice, but where nobody knows what became of it: within the grace, or once the live token serves no more. */
  #present({ grant }: HeldGrant, { fingerprint, sent, sentAt }: RefreshAttempt): void {
    law(grant.state === 'active', 'for a dead grant nothing is sent');
    const before = this.#presented.get(fingerprint);
    law(before !== 'answered', 'a token that was answered is presented again');
    if (before === undefined) return;
    law(sent > 1, 'an attempt that is open is not free');
    const ends = (grant.accessExpiresAt ?? 0) - handOutMargin(grant, this.policy);
    const replays = this.now < sentAt + this.policy.refreshGrace && sentAt <= this.now;
    law(replays || this.now >= ends || isRejected(grant), 'a live token is put at risk');
  }

  #commit(subject: string, changes: readonly Change[], signals: readonly Signal[]): void {
    for (const change of changes) this.#apply(subject, change);
    for (const { type, kind, condition } of signals) {
      if (type === 'raise') this.alerts.add(`${kind} ${condition}`);
      else this.alerts.delete(`${kind} ${condition}`);
    }
    for (const [name, { held }] of this.rows) {
      const dead = held.grant.state === 'consent-required';
      law(
        this.alerts.has(`consent-required subject:${name}`) === dead,
        'each dead grant is told, and no live one',
      );
    }
  }

  #apply(subject: string, change: Change): void {
    const row = this.rows.get(subject);
    if (row === undefined) return;
    const { held } = row;
    if (change.type === 'grant.expect') law(change.revision === held.revision, 'the revision that was read');
    if (change.type === 'client.expect')
      law(change.revision === this.#clientRevision, 'the client that was read');
    if (change.type === 'grant.answer') {
      const revision = held.revision + (change.answer === null ? 0 : 1);
      row.held = { ...held, answer: change.answer, revision };
    }
    if (change.type === 'grant.wake')
      row.due = { at: Math.min(row.due.at, change.due.at), lane: change.due.lane };
    if (change.type === 'grant.delete') this.rows.delete(subject);
    if (change.type === 'grant.put') {
      row.held = { ...held, ...change.tokens, grant: change.grant, revision: held.revision + 1 };
      if (change.due !== undefined) row.due = change.due;
      if (change.grant.state === 'consent-required') this.#buried(row);
    }
    if (change.type === 'client.put') {
      this.client = change.record;
      this.#clientRevision += 1;
    }
  }

  /** Unless the server lied, what is declared dead is dead: its token is none that the server takes. */
  #buried({ held, server }: Row): void {
    if (this.#kinds.includes('denied')) return;
    law(!server.alive || Number(held.refresh.reveal()) !== server.current, 'a live grant is declared dead');
  }
}

function law(holds: boolean, what: string): void {
  if (!holds) throw new Error(`breach: ${what}`);
}
