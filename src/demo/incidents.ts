import { type AlertKind, DAY, MINUTE, SECOND } from '../model/index.ts';
import type { PlayedEvent, Sandbox } from '../sandbox/index.ts';
import { CAST, USERS } from './configuration.ts';

/** Something that is staged at the provider, and what Keywarden owes people for it. */
export type Incident = {
  /** When its first event happened, by the demonstration's clock. */
  readonly at: number;
  readonly kind: AlertKind;
  /** For the viewer. */
  readonly told: string;
};

/** Wall time from the beginning, and from one round to the next, ms. */
const DISCONNECT_AT = 5 * SECOND;
const ATTACK_AT = 7 * SECOND;
const STRANGER_AT = 10 * SECOND;
const ROUND = 30 * SECOND;

/** An incident of the same kind is a new one only after so long without such a call, by the demonstration's clock. */
const APART = 3 * DAY;

const GUESSES = 600;
const GUESSES_APART = 200;

/** Null: not yet. */
type Staging = (sandbox: Sandbox, now: number) => Incident | null;

/** Stages incidents by wall time; slow clocks see each of them once. */
export class Incidents {
  readonly #sandbox: Sandbox;
  readonly #repeats: boolean;
  readonly #staged: Incident[] = [];
  readonly #next: Array<{ at: number; readonly stage: Staging; readonly once?: true }>;

  constructor(sandbox: Sandbox, speed: number) {
    this.#sandbox = sandbox;
    this.#repeats = ROUND * speed >= APART;
    this.#next = [
      { at: DISCONNECT_AT, stage: disconnect, once: true },
      { at: ATTACK_AT, stage: attack },
      { at: STRANGER_AT, stage: stranger },
    ];
  }

  /** All so far, oldest first. */
  get staged(): readonly Incident[] {
    return this.#staged;
  }

  /**
   * Stages what is due and gives it.
   * @param elapsed wall time since the beginning, ms
   */
  turn(elapsed: number, now: number): readonly Incident[] {
    const fresh: Incident[] = [];
    for (const entry of this.#next) {
      if (elapsed < entry.at) continue;
      const incident = entry.stage(this.#sandbox, now);
      if (incident === null) continue;
      fresh.push(incident);
      entry.at = this.#repeats && !entry.once ? entry.at + ROUND : Number.POSITIVE_INFINITY;
    }
    this.#staged.push(...fresh);
    return fresh;
  }
}

/** Somebody tries keys that do not exist, from a handful of addresses, five in a second. */
function attack({ admin }: Sandbox, now: number): Incident {
  const at = now - GUESSES * GUESSES_APART;
  const events = Array.from({ length: GUESSES }, (_, index): PlayedEvent => {
    return {
      time: at + index * GUESSES_APART,
      ip: `198.51.100.${20 + (index % 5)}`,
      status: 401,
      path: '/v1/assets/search',
      user_agent: 'python-requests/2.32',
    };
  });
  admin.playEvents(events);
  const minutes = (GUESSES * GUESSES_APART) / MINUTE;
  return {
    at,
    kind: 'auth-failure-spike',
    told: `${GUESSES} logins with guessed keys within ${minutes} minutes`,
  };
}

/** The current key is used in a country where nobody is known to be: somebody else holds it. */
function stranger({ admin, frameflow }: Sandbox, now: number): Incident {
  const name = CAST[0]?.name;
  const key = frameflow.keys().findLast((entry) => entry.name === name && entry.state === 'active');
  const keyId = key?.id ?? frameflow.firstKey.id;
  admin.playEvents([{ time: now, ip: '192.0.2.44', key_id: keyId, user_agent: 'curl/8.9' }]);
  return { at: now, kind: 'unregistered-geolocation', told: `${keyId} is used from Brazil, and accepted` };
}

/** A user takes her consent back at the provider, which tells nobody. */
function disconnect({ admin, frameflow }: Sandbox, now: number): Incident | null {
  const grant = frameflow.grants()[USERS.length - 1];
  if (grant === undefined) return null;
  admin.revokeGrant(grant.id);
  return { at: now, kind: 'consent-required', told: `${USERS.at(-1)} takes her consent back at FrameFlow` };
}
