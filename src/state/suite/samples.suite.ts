import type {
  Alert,
  AuditEntry,
  Change,
  CredentialRecord,
  Delivery,
  Destination,
  KeyUser,
  ObservedMint,
  Rotation,
  RotationStep,
  Silence,
  Version,
  Work,
} from '../../model/index.ts';
import type { State } from '../contract.ts';

/** A database to open, made anew for every test. */
export type StateWorld = {
  /** Opens it; a state that is still open is closed first. */
  open(): Promise<State>;
  end(): Promise<void>;
};

const FAILURE = {
  code: 'rate_limited',
  verdict: 'retryable',
  message: 'FrameFlow answered 429',
  retryAfterMs: 30_000,
} as const;

/** Where wall time stands in these tests. */
export const T = 1_790_000_000_000;

export function credential(over: Partial<CredentialRecord> = {}): CredentialRecord {
  return {
    name: 'frameflow-prod',
    provider: 'frameflow',
    state: 'managed',
    firstSeenAt: T,
    lastError: FAILURE,
    attempts: 2,
    retryAt: T + 60_000,
    pause: { until: T + 3_600_000, reason: 'an audit', actor: 'alice', since: T },
    recoveryId: 'rotation-0',
    uncertain: [{ rotationId: 'rotation-0', signerVersionId: 'version-1', from: T - 9, until: T - 1 }],
    ...over,
  };
}

export function version(over: Partial<Version> = {}): Version {
  return {
    id: 'version-1',
    credential: 'frameflow-prod',
    number: 1,
    keyId: 'key_9Xc1',
    state: 'current',
    origin: 'minted',
    fingerprint: '0123456789ab',
    createdAt: T,
    expiresAt: T + 90 * 86_400_000,
    compromisedAt: T + 3,
    acceptedAt: T + 4,
    probedAt: T + 5,
    ...over,
  };
}

export function destination(over: Partial<Destination> = {}): Destination {
  return {
    credential: 'frameflow-prod',
    id: 'vault:footage/frameflow#api_key',
    state: 'published',
    versionId: 'version-1',
    publishedAt: T + 5,
    checkedAt: T + 6,
    hook: { versionId: 'version-1', state: 'owed', attempts: 1, lastError: FAILURE, at: T + 5 },
    attempts: 1,
    looks: 2,
    lastError: FAILURE,
    ...over,
  };
}

export function rotation(over: Partial<Rotation> = {}): Rotation {
  return {
    id: 'rotation-1',
    credential: 'frameflow-prod',
    trigger: 'manual',
    reason: 'a colleague left',
    actor: 'alice',
    requestKey: 'request-1',
    state: 'minting',
    queued: false,
    terms: {
      overlap: 72 * 3_600_000,
      warnBefore: [86_400_000, 21_600_000],
      settle: { minimum: 30_000, budget: 120_000, successes: 2 },
    },
    previousVersionId: 'version-1',
    newVersionId: 'version-2',
    signerVersionId: 'version-0',
    intent: { idempotencyKey: 'intent-1', signerVersionId: 'version-1', committedAt: T, sends: 1 },
    mints: 2,
    rollback: { until: T + 9, actor: 'alice', endedAt: T + 8 },
    preflightedAt: T - 10,
    attempts: 3,
    retryAt: T + 10,
    accepted: 2,
    mintedAt: T + 1,
    answeredAt: T + 2,
    overlapEndsAt: T + 72 * 3_600_000,
    startedAt: T,
    endedAt: null,
    lastError: FAILURE,
    ...over,
  };
}

export function mint(over: Partial<ObservedMint> = {}): ObservedMint {
  return {
    id: 'event-1',
    credential: 'frameflow-prod',
    signerKeyId: 'key_9Xc1',
    mintedKeyId: 'key_7Pq2',
    at: T - 3,
    ip: '192.0.2.9',
    userAgent: 'curl/8.9',
    ...over,
  };
}

export function user(over: Partial<KeyUser> = {}): KeyUser {
  return {
    keyId: 'key_9Xc1',
    ip: '192.0.2.1',
    userAgent: 'encoder/4.1',
    calls: 3,
    firstSeenAt: T,
    lastSeenAt: T + 5,
    ...over,
  };
}

export function step(over: Partial<RotationStep> = {}): RotationStep {
  return {
    rotationId: 'rotation-1',
    name: 'mint',
    destination: '',
    state: 'done',
    attempts: 1,
    startedAt: T,
    endedAt: T + 1,
    error: FAILURE,
    ...over,
  };
}

export function alert(over: Partial<Alert> = {}): Alert {
  return {
    id: 'alert-1',
    dedupKey: 'keywarden:abc:0',
    identity: 'publish-failed|frameflow-prod|vault',
    generation: 0,
    kind: 'publish-failed',
    severity: 'warning',
    state: 'triggered',
    credential: 'frameflow-prod',
    title: 'frameflow-prod is not in Vault',
    summary: 'Vault answers 503',
    action: 'keywarden check',
    deadline: T + 1000,
    evidence: { ips: ['192.0.2.1', '2001:db8::1'], attempts: 3, sealed: true, note: null, text: 'O’Hara' },
    firstSeenAt: T,
    lastSeenAt: T + 7,
    count: 4,
    acknowledgedBy: null,
    triggeredAt: T + 3,
    reportedAt: null,
    revision: 1,
    ...over,
  };
}

export function silence(over: Partial<Silence> = {}): Silence {
  return {
    id: 'silence-1',
    kind: ['store-drift', 'publish-failed'],
    credential: ['frameflow-prod'],
    severity: [],
    createdAt: T,
    endsAt: T + 1000,
    reason: 'Vault is being moved; O’Hara knows',
    author: 'alice',
    ...over,
  };
}

export function delivery(over: Partial<Delivery> = {}): Delivery {
  return {
    id: 'delivery-1',
    alertId: 'alert-1',
    channel: 'team',
    event: 'trigger',
    state: 'pending',
    attempts: 1,
    lastError: FAILURE,
    createdAt: T,
    at: null,
    ...over,
  };
}

export function entry(over: Partial<AuditEntry> = {}): AuditEntry {
  return {
    at: T,
    actor: 'alice',
    action: 'rotation.requested',
    credential: 'frameflow-prod',
    detail: { reason: 'a colleague left', attempts: 1, emergency: false, window: null },
    ...over,
  };
}

function work(over: Partial<Work> = {}): Work {
  return { kind: 'credential', id: 'frameflow-prod', lane: 'provider:frameflow', dueAt: T, ...over };
}

export const put = {
  credential: (over?: Partial<CredentialRecord>): Change => ({
    type: 'credential.put',
    record: credential(over),
  }),
  version: (over?: Partial<Version>): Change => ({ type: 'version.put', version: version(over) }),
  destination: (over?: Partial<Destination>): Change => ({
    type: 'destination.put',
    destination: destination(over),
  }),
  rotation: (over?: Partial<Rotation>): Change => ({ type: 'rotation.put', rotation: rotation(over) }),
  mint: (over?: Partial<ObservedMint>): Change => ({ type: 'mint.put', mint: mint(over) }),
  user: (over?: Partial<KeyUser>): Change => ({ type: 'user.add', user: user(over) }),
  step: (over?: Partial<RotationStep>): Change => ({ type: 'step.put', step: step(over) }),
  alert: (over: Partial<Alert> = {}, expected: number | null = null): Change => ({
    type: 'alert.put',
    alert: alert(over),
    expected,
  }),
  delivery: (over?: Partial<Delivery>): Change => ({ type: 'delivery.put', delivery: delivery(over) }),
  audit: (over?: Partial<AuditEntry>): Change => ({ type: 'audit.append', entry: entry(over) }),
  work: (over?: Partial<Work>): Change => ({ type: 'work.put', work: work(over) }),
  wake: (at: number, id = 'frameflow-prod'): Change => ({ type: 'work.wake', kind: 'credential', id, at }),
};

/** The names of all credentials that are stored: what a commit left behind, in short. */
export async function credentialNames(state: State): Promise<readonly string[]> {
  return (await state.credentials()).map((snapshot) => snapshot.record.name);
}
