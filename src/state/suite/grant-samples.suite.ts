import {
  type Authorization,
  type Change,
  type ClientRecord,
  type Grant,
  type GrantDue,
  type NarrowToken,
  Secret,
} from '../../model/index.ts';
import { T } from './samples.suite.ts';

const FAILURE = { code: 'timeout', verdict: 'unknown', message: 'no answer in 30 s' } as const;

export const CLIENT = 'footage-app';
export const SUBJECT = 'user-1';

/** Every field of it says something. */
export function grant(over: Partial<Grant> = {}): Grant {
  return {
    client: CLIENT,
    subject: SUBJECT,
    state: 'active',
    reason: null,
    generation: 3,
    scopes: ['asset:download', 'license:purchase'],
    consentedAt: T - 9,
    renewedAt: T - 8,
    refreshExpiresAt: T + 90 * 86_400_000,
    accessSentAt: T - 7,
    accessExpiresAt: T + 3_600_000,
    usedAt: T - 6,
    attempt: { generation: 3, fingerprint: '0123456789ab', sentAt: T - 5, sent: 2, scope: 'asset:download' },
    accessGeneration: 3,
    rejectedGeneration: 2,
    attempts: 4,
    retryAt: T + 60_000,
    lastError: FAILURE,
    ...over,
  };
}

export function narrowToken(over: Partial<NarrowToken> = {}): NarrowToken {
  return {
    client: CLIENT,
    subject: SUBJECT,
    scope: 'asset:download',
    scopes: ['asset:download', 'license:purchase'],
    value: Secret.from('narrow-1'),
    sentAt: T - 3,
    expiresAt: T + 3_000,
    generation: 3,
    ...over,
  };
}

export function clientRecord(over: Partial<ClientRecord> = {}): ClientRecord {
  return {
    client: CLIENT,
    pause: { until: T + 30_000, why: 'rate-limited', count: 2 },
    refusedAt: [T - 2, T - 1],
    failures: 3,
    faults: { malformed: T - 4 },
    slides: true,
    lookedAt: T - 3,
    ...over,
  };
}

export function authorization(over: Partial<Authorization> = {}): Authorization {
  return {
    id: 'authorization-1',
    client: CLIENT,
    subject: SUBJECT,
    state: 'pending',
    stateDigest: 'digest-1',
    scopes: ['asset:download', 'license:purchase'],
    returnUrl: 'https://app.example.com/connected',
    actor: 'footage',
    createdAt: T,
    expiresAt: T + 600_000,
    sentAt: T + 9,
    error: FAILURE,
    ...over,
  };
}

export const tokensOf = (name: string) => ({
  refresh: Secret.from(`refresh-${name}`),
  access: Secret.from(`access-${name}`),
});

/** A grant that is new, or at least may be. */
export function putGrant(over: Partial<Grant> = {}, due: GrantDue = { at: T, lane: 'idle' }): Change {
  const made = grant(over);
  return { type: 'grant.put', grant: made, tokens: tokensOf(made.subject), due };
}

export const answer = (text: string | null, subject = SUBJECT): Change => ({
  type: 'grant.answer',
  client: CLIENT,
  subject,
  answer: text === null ? null : Secret.from(text),
});

export const expectGrant = (revision: number | null, subject = SUBJECT): Change => ({
  type: 'grant.expect',
  client: CLIENT,
  subject,
  revision,
});

export const wakeGrant = (due: GrantDue, subject = SUBJECT): Change => ({
  type: 'grant.wake',
  client: CLIENT,
  subject,
  due,
});

export const deleteGrant = (subject = SUBJECT): Change => ({ type: 'grant.delete', client: CLIENT, subject });
