import type { CredentialSnapshot, MintIntent, Rotation, Version } from '../model/index.ts';
import { HOUR, MINUTE } from '../model/index.ts';
import { accountable } from './account.ts';
import { exposed, probeAt } from './exposure.ts';
import { furtherMintAt } from './fold-verify.ts';
import { keepAliveAt } from './guided.ts';
import { missing } from './missing.ts';
import { recoverAt } from './recover.ts';
import { givesWay, isAnswered } from './request.ts';
import { isLooking } from './restored.ts';
import { canComeBack, isBackDue } from './rollback.ts';
import { isRolledBack } from './rolled-back.ts';
import { nextRotationAt } from './schedule.ts';
import type { Action, Situation } from './situation.ts';
import { nextMoment } from './standing.ts';
import { currentVersion, isDying, isPressing, overlapEnd, versionById } from './versions.ts';

/** An intent older than this is not replayed: the provider's memory of its Idempotency-Key may have ended (24 h). */
const REPLAY_LIMIT = 23 * HOUR;

/** How long a preflight is believed. */
const PREFLIGHT_FRESH = MINUTE;

/** How often a provider whose time is not known is asked for it. */
const ASK_AGAIN = MINUTE;

type Check = (situation: Situation, now: number, newKey: () => string) => Action | null;

/** What is done first where several things are due. A wait leaves the rest to whatever ends it. */
const CHECKS: readonly Check[] = [
  retireWhatEnded,
  explainTheLog,
  comeBack,
  installImported,
  probeWhatIsExposed,
  keepAlive,
  recover,
  adoptFirst,
  makeWay,
  carryOn,
  beginDue,
];

/** What can be done by a time that may be wrong: nothing here begins, closes or retires anything. */
const CHECKS_WITHOUT_TIME: readonly Check[] = [explainTheLog, comeBack, settleWhatArrived, askAgain];

/**
 * What is next for a credential. Pure: the whole policy of a rotation's order is {@link CHECKS}, first match wins.
 * `newKey` gives a fresh Idempotency-Key.
 */
export function plan(situation: Situation, now: number, newKey: () => string): Action {
  for (const check of situation.timeKnown ? CHECKS : CHECKS_WITHOUT_TIME) {
    const action = check(situation, now, newKey);
    if (action?.do === 'wait') return { do: 'wait', until: earliest(situation, action.until, now) };
    if (action !== null) return action;
  }
  return { do: 'wait', until: earliest(situation, null, now) };
}

function retireWhatEnded({ snapshot }: Situation, now: number): Action | null {
  const versions = ending(snapshot).filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now);
  return versions.length > 0 ? { do: 'retire', versions } : null;
}

/** The open rotation closes its own overlap, so that its end and its version's are one commit. */
function ending({ versions, open }: CredentialSnapshot): Version[] {
  return versions.filter(
    ({ id, state, expiresAt }) =>
      (state === 'retiring' || state === 'compromised') &&
      expiresAt !== null &&
      id !== open?.previousVersionId,
  );
}

/** Whatever it waits for, a version that ends is retired on time, and what is to be told is told. */
function earliest(situation: Situation, until: number | null, now: number): number | null {
  const moments = [
    until,
    nextMoment(situation, now),
    recoverAt(situation),
    ...ending(situation.snapshot).map(({ expiresAt }) => expiresAt),
  ];
  const known = moments.filter((moment) => moment !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

function explainTheLog(situation: Situation, now: number): Action | null {
  const mints = accountable(situation, now);
  return mints.length > 0 ? { do: 'account', mints } : null;
}

/** A rollback that is over, or that something graver cuts short. */
function comeBack(situation: Situation, now: number): Action | null {
  const { open, queued } = situation.snapshot;
  if (open === null || !isRolledBack(open)) return null;
  if (!isBackDue(situation, open, now)) return null;
  return canComeBack(situation, open) ? { do: 'comeback', rotation: open } : { do: 'supersede', by: queued };
}

function installImported({ snapshot }: Situation): Action | null {
  if (snapshot.open !== null) return null;
  const version = snapshot.versions.find(({ state, origin }) => state === 'pending' && origin === 'imported');
  return version === undefined ? null : { do: 'install', version };
}

function probeWhatIsExposed(situation: Situation, now: number): Action | null {
  const version = exposed(situation).find((each) => probeAt(each) <= now);
  return version === undefined ? null : { do: 'probe', version };
}

function keepAlive(situation: Situation, now: number): Action | null {
  const at = keepAliveAt(situation);
  const version = currentVersion(situation.snapshot.versions);
  return at === null || at > now || version === null ? null : { do: 'keepAlive', version };
}

/** The provider refuses the current key. A rotation that is bringing its successor goes on. */
function recover(situation: Situation, now: number): Action | null {
  const at = recoverAt(situation);
  if (at === null) return null;
  if (at <= now) return { do: 'recover' };
  const { open, queued } = situation.snapshot;
  return open === null && queued === null ? { do: 'wait', until: at } : null;
}

function adoptFirst({ snapshot, policy }: Situation, now: number): Action | null {
  const { record, open, queued, versions } = snapshot;
  // A rotation that is open has a current key and comes first: the search goes on while it rests, see carryOn.
  if (!isLooking(record) || open !== null) return null;
  // Looking again for a key can wait; an emergency and a current key that has an end cannot, where we may mint.
  const dying = isDying(versions) && policy.mode === 'automatic';
  const pressing = queued?.trigger === 'emergency' || dying;
  if (currentVersion(versions) !== null && pressing && record.attempts > 0) return null;
  const retryAt = record.retryAt ?? 0;
  return retryAt > now ? { do: 'wait', until: retryAt } : { do: 'adopt' };
}

function makeWay({ snapshot }: Situation): Action | null {
  const { open, queued, versions } = snapshot;
  if (open === null || !givesWay(open)) return null;
  if (queued?.trigger === 'emergency') return { do: 'supersede', by: queued };
  // Somebody else rotated the key that this rotation brought: its successor is due at once, overlap or not.
  const current = currentVersion(versions);
  const dying = isDying(versions) && current?.id === open.newVersionId;
  return dying ? { do: 'supersede', by: null } : null;
}

function carryOn(situation: Situation, now: number, newKey: () => string): Action | null {
  const rotation = situation.snapshot.open;
  if (rotation === null) return null;
  const until = rotation.retryAt ?? 0;
  if (until > now) return meanwhile(situation, rotation, until, now);
  if (rotation.newVersionId === null) return towardsMint(situation, rotation, now, newKey);
  const version = versionById(situation.snapshot.versions, rotation.newVersionId);
  if (version?.state !== 'pending') return towardsEnd(situation, rotation, now);
  const furtherAt = furtherMintAt(rotation);
  if (furtherAt !== null && furtherAt <= now) return { do: 'remint', rotation, version };
  return { do: 'verify', rotation, version };
}

/**
 * What could not wait for the search may wait for it in the end: no destination is written that holds a newer version,
 * and nothing but the search says which key is the current one. Where a mint is under way, its key is newer.
 */
function meanwhile({ snapshot }: Situation, rotation: Rotation, until: number, now: number): Action {
  const { newVersionId, intent } = rotation;
  const sent = intent !== null && isRepeated(intent, now);
  const underWay = newVersionId !== null || isAnswered(rotation) || sent;
  if (underWay || !isLooking(snapshot.record)) return { do: 'wait', until };
  const retryAt = snapshot.record.retryAt ?? 0;
  return retryAt <= now ? { do: 'adopt' } : { do: 'wait', until: Math.min(until, retryAt) };
}

function isRepeated({ sends, committedAt }: MintIntent, now: number): boolean {
  return sends > 0 && now - committedAt < REPLAY_LIMIT;
}

function towardsMint(situation: Situation, rotation: Rotation, now: number, newKey: () => string): Action {
  const { intent } = rotation;
  if (rotation.answeredAt !== null) return { do: 'take', rotation };
  if (intent !== null && isRepeated(intent, now)) {
    return { do: 'mint', rotation, intent: { ...intent, sends: intent.sends + 1 } };
  }
  if (rotation.preflightedAt === null || now - rotation.preflightedAt > PREFLIGHT_FRESH) {
    return { do: 'preflight', rotation };
  }
  const { versions } = situation.snapshot;
  const signer = versionById(versions, rotation.signerVersionId) ?? currentVersion(versions);
  if (signer === null) return { do: 'wait', until: null };
  const fresh: MintIntent = {
    idempotencyKey: newKey(),
    signerVersionId: signer.id,
    committedAt: now,
    sends: 1,
  };
  const unsent =
    intent?.sends === 0 && intent.signerVersionId === signer.id && now - intent.committedAt < REPLAY_LIMIT;
  return { do: 'mint', rotation, intent: unsent ? { ...intent, sends: 1 } : fresh };
}

function towardsEnd(situation: Situation, rotation: Rotation, now: number): Action {
  if (isRolledBack(rotation)) return { do: 'wait', until: rotation.rollback?.until ?? null };
  const over = rotation.overlapEndsAt !== null && rotation.overlapEndsAt <= now;
  const everywhere = missing(situation, rotation).length === 0;
  if (everywhere && rotation.state !== 'overlap') return { do: 'settle', rotation };
  if (over && everywhere) return { do: 'close', rotation };
  if (over && rotation.state !== 'attention') return { do: 'attend', rotation };
  return { do: 'wait', until: over ? null : rotation.overlapEndsAt };
}

function settleWhatArrived(situation: Situation): Action | null {
  const rotation = situation.snapshot.open;
  if (rotation?.state !== 'publishing' || isRolledBack(rotation)) return null;
  return missing(situation, rotation).length === 0 ? { do: 'settle', rotation } : null;
}

function askAgain(_: Situation, now: number): Action {
  return { do: 'wait', until: now + ASK_AGAIN };
}

function beginDue(situation: Situation, now: number): Action {
  const { snapshot, policy, spread } = situation;
  // Asked for before the configuration changed: it is no more to be lost than one that is open.
  if (snapshot.queued !== null) {
    const { trigger } = snapshot.queued;
    const waits = trigger !== 'emergency' && !isPressing(snapshot.versions);
    const end = waits ? overlapEnd(snapshot.versions, now) : null;
    return end === null ? { do: 'begin', queued: snapshot.queued } : { do: 'wait', until: end };
  }
  if (policy.mode === 'guided') return { do: 'wait', until: null };
  const dueAt = nextRotationAt(policy, snapshot, spread, now);
  if (dueAt !== null && dueAt <= now) return { do: 'begin', queued: null };
  return { do: 'wait', until: dueAt };
}
