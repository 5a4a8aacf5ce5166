import type { Failure, Grant, GrantLane, HeldGrant, Signal, Verdict } from '../../../model/index.ts';
import { DAY, HOUR, MINUTE, Secret } from '../../../model/index.ts';
import { afterwards, foldGrant, intendGrant } from '../fold.ts';
import { blankClient } from '../pauses.ts';
import { planGrant } from '../plan.ts';
import type {
  GrantAction,
  GrantFolded,
  GrantOutcome,
  GrantPolicy,
  GrantSituation,
  Tokens,
} from '../situation.ts';

export const START = Date.UTC(2026, 0, 5);

export const POLICY: GrantPolicy = {
  client: 'footage-app',
  scopes: ['asset:download', 'license:purchase'],
  before: 5 * MINUTE,
  keepAlive: 60 * DAY,
  refreshGrace: 0,
  refreshLifetime: 90 * DAY,
};

/** A grant as its consent leaves it: an access token for an hour. */
export function aGrant(over: Partial<Grant> = {}): Grant {
  return {
    client: POLICY.client,
    subject: 'user-1',
    state: 'active',
    reason: null,
    generation: 1,
    scopes: POLICY.scopes,
    consentedAt: START,
    renewedAt: START,
    refreshExpiresAt: null,
    accessSentAt: START,
    accessExpiresAt: START + HOUR,
    usedAt: null,
    attempt: null,
    accessGeneration: 1,
    rejectedGeneration: null,
    attempts: 0,
    retryAt: null,
    lastError: null,
    ...over,
  };
}

export function heldGrant(over: Partial<Grant> = {}): HeldGrant {
  return {
    grant: aGrant(over),
    revision: 1,
    refresh: Secret.from('refresh-1'),
    access: Secret.from('access-1'),
    answer: null,
  };
}

export function failure(code: string, verdict: Verdict, retryAfterMs?: number): Failure {
  return {
    code,
    verdict,
    message: `${code} in a test`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

export const INVALID_GRANT = failure('invalid_grant', 'rejected');
export const INVALID_CLIENT = failure('invalid_client', 'permanent');
export const LOST = failure('timeout', 'unknown');
export const UNAVAILABLE = failure('unavailable', 'retryable');
export const NOT_SENT = failure('unreachable', 'retryable');

/** A good answer with new tokens. */
export function tokens(number: number, over: Partial<Tokens> = {}): Tokens {
  return {
    access: Secret.from(`access-${number}`),
    refresh: Secret.from(`refresh-${number}`),
    expiresIn: HOUR,
    refreshExpiresIn: null,
    scopes: null,
    faults: [],
    ...over,
  };
}

type Setting = {
  readonly policy?: Partial<GrantPolicy>;
  readonly grant?: Partial<Grant>;
  readonly grants?: number;
  readonly lane?: GrantLane;
  readonly wanted?: readonly string[];
  readonly spread?: number;
};

/** One grant and all that surrounds it, on a clock of its own: turns are taken as the engine takes them. */
export class Desk {
  situation: GrantSituation;
  now = START + MINUTE;
  readonly signals: Signal[] = [];
  /** What was written about tokens and the log, by the types of the changes. */
  readonly written: string[] = [];

  constructor({ policy, grant, grants = 1000, lane = 'idle', wanted = [], spread = 0.5 }: Setting = {}) {
    this.situation = {
      policy: { ...POLICY, ...policy },
      held: heldGrant(grant),
      client: blankClient(POLICY.client),
      clientRevision: 0,
      grants,
      wanted,
      lane,
      fingerprint: 'fp:refresh-1',
      spread,
    };
  }

  get grant(): Grant {
    return this.situation.held.grant;
  }

  set(over: Partial<GrantSituation>): void {
    this.situation = { ...this.situation, ...over };
  }

  setGrant(over: Partial<Grant>): void {
    const { held } = this.situation;
    this.set({ held: { ...held, grant: { ...held.grant, ...over } } });
  }

  plan(): GrantAction {
    return planGrant(this.situation, this.now);
  }

  /** Plans a refresh and commits its attempt. @throws {TypeError} where no refresh is due */
  send(): GrantAction & { readonly do: 'refresh' } {
    const action = this.plan();
    if (action.do !== 'refresh') throw new TypeError(`expected a refresh, not ${action.do}`);
    this.apply({ changes: intendGrant(this.situation, action, this.now), signals: [] });
    return action;
  }

  fold(action: GrantAction, outcome: GrantOutcome): GrantFolded {
    const folded = foldGrant(this.situation, action, outcome, this.now);
    this.apply(folded);
    return folded;
  }

  fails(why: Failure): GrantFolded {
    return this.fold(this.send(), { of: 'refresh', failure: why });
  }

  /** The answer is sealed, and taken in from there. */
  succeeds(answer: Tokens): GrantFolded {
    this.fold(this.send(), { of: 'refresh', answer: Secret.from('raw') });
    return this.take({ of: 'take', tokens: answer });
  }

  take(outcome: GrantOutcome & { readonly of: 'take' }): GrantFolded {
    const action = this.plan();
    if (action.do !== 'take') throw new TypeError(`expected a sealed answer, not ${action.do}`);
    return this.fold(action, outcome);
  }

  apply({ changes, signals }: GrantFolded): void {
    this.signals.push(...signals);
    this.written.push(
      ...changes.map((change) => (change.type === 'audit.append' ? change.entry.action : change.type)),
    );
    const next = afterwards(this.situation, changes);
    if (next !== null) {
      this.situation = { ...next, fingerprint: `fp:${next.held.refresh.reveal()}` };
    }
  }

  /** What was told, in one line each. */
  told(): string[] {
    return this.signals.map(({ type, kind, condition }) => `${type} ${kind} ${condition}`);
  }
}
