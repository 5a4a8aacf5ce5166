import type { Kysely } from 'kysely';
import type { Change } from '../model/index.ts';
import { acceptAudit } from './audit.ts';
import { AuditChain } from './audit-chain.ts';
import { horizonOf, pruneAudit } from './audit-prune.ts';
import { verifyAudit } from './audit-verify.ts';
import { applyChanges } from './changes.ts';
import {
  countDue,
  nextDue,
  readClaimedBeyond,
  readScheduled,
  releaseClaim,
  requireClaim,
  takeClaims,
} from './claims.ts';
import { Commits, type CommitsOptions } from './commits.ts';
import { type State, StateError } from './contract.ts';
import { raiseCounter } from './counters.ts';
import { readCounts } from './grants/counts.ts';
import { readAnswers } from './journal.ts';
import { migrate, refuseNewer, schemaVersion } from './migrations/index.ts';
import type { Installation } from './migrations/migration.ts';
import { prune } from './prune.ts';
import {
  readAlert,
  readAlerts,
  readDeliveries,
  readDelivery,
  readLatestAlerts,
  readOutboxDepth,
} from './reads/alerts.ts';
import { readAudit } from './reads/audit.ts';
import { readAuthorization, readAuthorizationByState, readClient } from './reads/consents.ts';
import { readSnapshots } from './reads/credentials.ts';
import { readGrant, readGrants, readGrantsIn, readNarrowToken } from './reads/grants.ts';
import { readKeyUsers, readKeyUses, readMonitor } from './reads/monitors.ts';
import {
  readAllSilences,
  readCriticalEvents,
  readDeliveriesOf,
  readOpenAlerts,
  readOutbox,
  readPendingDeliveries,
  readSent,
  readSilence,
  readSilences,
} from './reads/outbox.ts';
import {
  readRotation,
  readRotationByRequestKey,
  readRotations,
  readSteps,
  readSupersededBy,
} from './reads/rotations.ts';
import type { KeyRing } from './sealing.ts';
import { checkKeys, ensureFingerprintKey, fingerprintKey, getSecret, reseal } from './secrets.ts';
import type { Tables } from './tables.ts';
import { readGeneralParts, readParts } from './watch-parts.ts';

/** After these nothing of what was sealed is to be left anywhere. */
const PURGING: ReadonlySet<Change['type']> = new Set(['credential.forget', 'grant.delete']);

/** What makes a {@link State} out of a database, whichever it is. */
export type DatabaseOptions = CommitsOptions & {
  readonly db: Kysely<Tables>;
  readonly keys: KeyRing;
  readonly now: () => number;
  /** Hears how far a long migration is. */
  readonly progress?: Installation['progress'];
  /** Who takes the claims: one name per process. */
  readonly owner: string;
  /** Wipes what deleted rows have left outside the tables; for databases that leave something. */
  readonly purge?: () => Promise<void>;
};

/**
 * Makes the database ready: refuses what is newer or sealed with other keys before anything is written, then migrates,
 * and seals anew what another key than the first sealed. Returns how many values that were.
 * @throws {StateError} `state_newer`, `wrong_key`, `state_corrupt`
 */
export async function prepare({ db, keys, now, progress }: DatabaseOptions): Promise<number> {
  const version = await schemaVersion(db);
  refuseNewer(version);
  if (version > 0) {
    await checkKeys(db, keys);
    await fingerprintKey(db, keys);
  }
  await migrate(db, version, { keys, now, progress });
  await db.transaction().execute(async (trx) => {
    await ensureFingerprintKey(trx, keys, now());
    await raiseCounter(trx, 'opened', 1);
  });
  return reseal(db, keys);
}

/** The state over a prepared database. */
export function stateOf({ db, keys, now, owner, purge, ...options }: DatabaseOptions): State {
  const commits = new Commits(db, options);
  const chain = new AuditChain(keys);
  let closed: Promise<void> | null = null;
  return {
    // A machine that loses a claim has lost whoever held it.
    claim: (lane, query) => commits.write((trx) => takeClaims(trx, lane, { ...query, owner }), true),
    nextDue: (lanes) => nextDue(db, lanes),
    due: (at) => countDue(db, at),
    scheduled: (kind) => readScheduled(db, kind),
    claimedBeyond: (at) => readClaimedBeyond(db, at),

    commit: async (changes, { hold, under, fleeting } = {}) => {
      await commits.write(async (trx) => {
        if (hold !== undefined) await requireClaim(trx, hold.claim, owner);
        if (under !== undefined) await requireClaim(trx, under, owner);
        await applyChanges(trx, changes, { keys, now, chain });
        if (hold !== undefined) await releaseClaim(trx, hold, owner);
      }, fleeting);
      if (changes.some(({ type }) => PURGING.has(type))) await purge?.();
    },
    prove: async () => {
      await commits.write((trx) => raiseCounter(trx, 'proof', 1));
    },

    credential: async (name) => (await readSnapshots(db, name))[0] ?? null,
    credentials: () => readSnapshots(db),
    versionValue: async (id) => {
      const value = await getSecret(db, keys, 'version.value', id);
      if (value !== null) return value;
      throw new StateError('state_corrupt', `the state holds no value of version ${id}`);
    },
    journal: async (rotationId) => (await readAnswers(db, keys, rotationId))[0] ?? null,
    journalled: (rotationId) => readAnswers(db, keys, rotationId),

    rotation: (id) => readRotation(db, id),
    rotationByRequestKey: (credential, key) => readRotationByRequestKey(db, credential, key),
    rotations: (query) => readRotations(db, query),
    supersededBy: (versionIds) => readSupersededBy(db, versionIds),
    steps: (rotationId) => readSteps(db, rotationId),

    ...grantReads(db, keys),

    monitor: (name) => readMonitor(db, name),
    watchGeneral: (monitor) => readGeneralParts(db, monitor),
    watchParts: (monitor, names) => readParts(db, monitor, names),
    keyUses: (keyIds) => readKeyUses(db, keyIds),
    keyUsers: (keyIds) => readKeyUsers(db, keyIds),

    alert: (id) => readAlert(db, id),
    alertsByIdentity: (identities) => readLatestAlerts(db, identities),
    alerts: (query) => readAlerts(db, query),
    delivery: (id) => readDelivery(db, id),
    deliveries: (alertId) => readDeliveries(db, alertId),
    outboxDepth: () => readOutboxDepth(db),
    ...outboxReads(db),
    ...auditLog(db, commits, chain),

    fingerprintKey: async () => {
      const key = await fingerprintKey(db, keys);
      if (key !== null) return key;
      throw new StateError('state_corrupt', 'the state has lost its fingerprint key; restore a backup');
    },
    ...housekeeping(db, commits, { chain, now }),
    close: () => {
      closed ??= commits.idle().then(() => db.destroy());
      return closed;
    },
  };
}

function auditLog(
  db: Kysely<Tables>,
  commits: Commits,
  chain: AuditChain,
): Pick<State, 'audit' | 'verifyAudit' | 'acceptAudit'> {
  return {
    audit: (query) => readAudit(db, query),
    verifyAudit: async (from, limit, known = null) =>
      verifyAudit(db, chain.key ?? (await chain.open(db)), { from, limit, known }),
    acceptAudit: (entry) => acceptAudit((task) => commits.write(task), entry, chain),
  };
}

/** The audit log goes piece by piece: others write in between. */
function housekeeping(
  db: Kysely<Tables>,
  commits: Commits,
  { chain, now }: { readonly chain: AuditChain; readonly now: () => number },
): Pick<State, 'prune'> {
  return {
    prune: async ({ audit, ...before }) => {
      await commits.write((trx) => prune(trx, before, now()));
      if (audit === undefined) return;
      const horizon = await horizonOf(db, audit);
      const piece = () => commits.write((trx) => pruneAudit(trx, { before: horizon, now: now() }, chain));
      // Whoever waits for a socket or a timer has his turn.
      while (await piece()) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

type OutboxReads =
  | 'outbox'
  | 'sent'
  | 'pendingDeliveries'
  | 'deliveriesOf'
  | 'openAlerts'
  | 'criticalEvents'
  | 'silence'
  | 'silences'
  | 'allSilences';

function outboxReads(db: Kysely<Tables>): Pick<State, OutboxReads> {
  return {
    outbox: (channel, now) => readOutbox(db, channel, now),
    sent: (channel, query) => readSent(db, channel, query),
    pendingDeliveries: () => readPendingDeliveries(db),
    deliveriesOf: (alertIds) => readDeliveriesOf(db, alertIds),
    openAlerts: (query) => readOpenAlerts(db, query),
    criticalEvents: (since) => readCriticalEvents(db, since),
    silence: (id) => readSilence(db, id),
    silences: (now) => readSilences(db, now),
    allSilences: (query) => readAllSilences(db, query),
  };
}

type GrantReads =
  | 'grant'
  | 'grants'
  | 'grantCounts'
  | 'grantsIn'
  | 'narrowToken'
  | 'client'
  | 'authorization'
  | 'authorizationByState';

function grantReads(db: Kysely<Tables>, keys: KeyRing): Pick<State, GrantReads> {
  return {
    grant: (client, subject) => readGrant(db, keys, { client, subject }),
    grants: (query) => readGrants(db, query),
    grantCounts: (client) => readCounts(db, client),
    grantsIn: (client, lane, limit) => readGrantsIn(db, client, lane, limit),
    narrowToken: (client, subject, scope) => readNarrowToken(db, keys, { client, subject, scope }),
    client: (name) => readClient(db, name),
    authorization: (id) => readAuthorization(db, keys, id),
    authorizationByState: (digest) => readAuthorizationByState(db, digest),
  };
}
