import type { ClientRecord, Grant, Signal } from '../../model/index.ts';
import { DAY, formatDuration } from '../../model/index.ts';
import { raise, resolve } from '../signals.ts';
import { loginCommand, SHOWN, shownSubjects } from './alerts.ts';
import type { GrantPolicy } from './situation.ts';

/** Of which lifetime the 14, 7 and 1 days speak: a shorter one has shorter stages, in proportion. */
const FULL = 90 * DAY;
/** Days before the end at which it is told, the last first. */
const STAGES = [1, 7, 14] as const;

/** When the grant last spoke with the provider with success. */
export function touchedAt({ renewedAt, accessSentAt }: Grant): number {
  return Math.max(renewedAt, accessSentAt ?? 0);
}

/**
 * When the refresh token ends: the provider's word, else `refreshLifetime` after the last refresh where a refresh is known
 * to give a new life, else so long after the consent. That is the worst, and it is assumed until better is known.
 */
export function lapsesAt(grant: Grant, policy: GrantPolicy, { slides }: ClientRecord): number {
  if (grant.refreshExpiresAt !== null) return grant.refreshExpiresAt;
  return (slides === true ? touchedAt(grant) : grant.consentedAt) + policy.refreshLifetime;
}

/** When it has ended for certain: the latest that it can live. */
export function surelyEndedAt(grant: Grant, { refreshLifetime }: GrantPolicy): number {
  return grant.refreshExpiresAt ?? touchedAt(grant) + refreshLifetime;
}

/** So many days of a lifetime of 90 days, ms; of a shorter lifetime in proportion. */
export function ofLifetime(days: number, { refreshLifetime }: GrantPolicy): number {
  return days * DAY * Math.min(1, refreshLifetime / FULL);
}

/** Under 14 days from its end it goes before all that nobody waits for. */
export function isLapsing(grant: Grant, policy: GrantPolicy, client: ClientRecord, at: number): boolean {
  return lapsesAt(grant, policy, client) - at < ofLifetime(14, policy);
}

/** Grants of the lane `lapsing`: how many there are, and as many of them as were read. */
export type Lapsing = { readonly count: number; readonly first: readonly Grant[] };

/**
 * For the client's own turn: an alert for each stage (14 days, 7, 1) in which grants are, and the end of those in which
 * there are none. A grant is in the last stage that it reached and in no other.
 */
export function lapseAlerts(
  policy: GrantPolicy,
  client: ClientRecord,
  { count, first }: Lapsing,
  now: number,
): Signal[] {
  const unread = count - first.length;
  let below = Number.NEGATIVE_INFINITY;
  return STAGES.flatMap((days) => {
    const [from, to] = [below, ofLifetime(days, policy)];
    below = to;
    const within = first
      .filter(({ state }) => state === 'active')
      .filter((grant) => {
        const left = lapsesAt(grant, policy, client) - now;
        return left > from && left <= to;
      });
    const condition = `lapse:${days}d`;
    if (within.length > 0) return [stage(policy, client, { condition, within, left: to, unread }, now)];
    return unread > 0 ? [] : [resolve('consent-required', policy.client, now, condition)];
  });
}

type Stage = {
  readonly condition: string;
  readonly within: readonly Grant[];
  readonly left: number;
  /** How many more may be in it that were not read. */
  readonly unread: number;
};

function stage(policy: GrantPolicy, client: ClientRecord, told: Stage, now: number): Signal {
  const { condition, within, left, unread } = told;
  const many = `${unread > 0 ? 'at least ' : ''}${within.length}`;
  const sure = client.slides === false || within.every(({ refreshExpiresAt }) => refreshExpiresAt !== null);
  const subjects = within.map(({ subject }) => subject);
  const why = sure
    ? 'The provider ends their refresh tokens then, however often they are refreshed.'
    : client.slides === true
      ? 'They could not be refreshed; see the other alerts of this client.'
      : `Whether a refresh gives a refresh token a new life is not known yet, so the worst is assumed: that it ends ${formatDuration(policy.refreshLifetime)} after the consent. The first refresh after that time tells.`;
  return raise('consent-required', policy.client, now, {
    severity: 'warning',
    condition,
    title: `${many} grants of ${policy.client} end within ${formatDuration(left)}`,
    summary: `${why} After that the application gets no token for these users (${shownSubjects(subjects)}). Keywarden goes on refreshing them first of all.`,
    action: `Have these users consent anew before then: ${loginCommand(policy.client, subjects[0] ?? '')}${within.length > 1 ? ' and so on' : ''}`,
    deadline: Math.min(...within.map((grant) => lapsesAt(grant, policy, client))),
    evidence: { grants: within.length, subjects: subjects.slice(0, SHOWN), slides: client.slides },
  });
}
