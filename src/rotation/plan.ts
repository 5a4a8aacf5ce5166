import type { CredentialSnapshot, MintIntent, Rotation, Version } from '../model/index.ts';
import { HOUR, MINUTE } from '../model/index.ts';
import { nextDeadline } from './deadlines.ts';
import { missing } from './missing.ts';
import { givesWay } from './request.ts';
import { nextRotationAt } from './schedule.ts';
import type { Action, Situation } from './situation.ts';
import { currentVersion, versionById } from './versions.ts';

/** An intent older than this is not replayed: the provider's memory of its Idempotency-Key may have ended (24 h). */
const REPLAY_LIMIT = 23 * HOUR;

/** How long a preflight is believed. */
const PREFLIGHT_FRESH = MINUTE;

/**
 * What is next for a credential. Pure: the whole policy of a rotation's order is this list, first match wins.
 * `newKey` gives a fresh Idempotency-Key.
 */
export function plan(situation: Situation, now: number, newKey: () => string): Action {
  const action =
    retireWhatEnded(situation, now) ??
    installImported(situation) ??
    adoptFirst(situation, now) ??
    makeWay(situation) ??
    carryOn(situation, now, newKey) ??
    beginDue(situation, now);
  return action.do === 'wait' ? { do: 'wait', until: nextEnd(situation, action.until) } : action;
}

function retireWhatEnded({ snapshot }: Situation, now: number): Action | null {
  const versions = ending(snapshot).filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now);
  return versions.length > 0 ? { do: 'retire', versions } : null;
}

/** The open rotation closes its own overlap, so that its end and its version's are one commit. */
function ending({ versions, open }: CredentialSnapshot): Version[] {
  return versions.filter(
    ({ id, state, expiresAt }) =>
      state === 'retiring' && expiresAt !== null && id !== open?.previousVersionId,
  );
}

/** Whatever it waits for, a version that ends is retired on time. */
function nextEnd({ snapshot }: Situation, until: number | null): number | null {
  const moments = [until, ...ending(snapshot).map(({ expiresAt }) => expiresAt)];
  const known = moments.filter((moment) => moment !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

function installImported({ snapshot }: Situation): Action | null {
  if (snapshot.open !== null) return null;
  const version = snapshot.versions.find(({ state, origin }) => state === 'pending' && origin === 'imported');
  return version === undefined ? null : { do: 'install', version };
}

function adoptFirst({ snapshot }: Situation, now: number): Action | null {
  // A rotation that is open goes on: it has a current key, and what it brings is newer than anything to be found.
  if (snapshot.record.state === 'managed' || snapshot.open !== null) return null;
  // Looking again for a key can wait; an emergency and a current key that has an end cannot.
  const current = currentVersion(snapshot.versions);
  const pressing = snapshot.queued?.trigger === 'emergency' || (current?.expiresAt ?? null) !== null;
  if (current !== null && pressing) return null;
  const retryAt = snapshot.record.retryAt ?? 0;
  return retryAt > now ? { do: 'wait', until: retryAt } : { do: 'adopt' };
}

function makeWay({ snapshot }: Situation): Action | null {
  const { open, queued, versions } = snapshot;
  if (open === null || !givesWay(open)) return null;
  if (queued?.trigger === 'emergency') return { do: 'supersede', by: queued };
  // Somebody else rotated the key that this rotation brought: its successor is due at once, overlap or not.
  const current = currentVersion(versions);
  const dying = current !== null && current.expiresAt !== null && current.id === open.newVersionId;
  return dying ? { do: 'supersede', by: null } : null;
}

function carryOn(situation: Situation, now: number, newKey: () => string): Action | null {
  const rotation = situation.snapshot.open;
  if (rotation === null) return null;
  const until = rotation.retryAt ?? 0;
  if (until > now) return { do: 'wait', until };
  if (rotation.newVersionId === null) return towardsMint(situation, rotation, now, newKey);
  const version = versionById(situation.snapshot.versions, rotation.newVersionId);
  if (version?.state === 'pending') return { do: 'verify', rotation, version };
  return towardsEnd(situation, rotation, now);
}

function towardsMint(situation: Situation, rotation: Rotation, now: number, newKey: () => string): Action {
  const { intent } = rotation;
  if (rotation.answeredAt !== null) return { do: 'take', rotation };
  if (intent !== null && intent.sends > 0 && now - intent.committedAt < REPLAY_LIMIT) {
    return { do: 'mint', rotation, intent: { ...intent, sends: intent.sends + 1 } };
  }
  if (rotation.preflightedAt === null || now - rotation.preflightedAt > PREFLIGHT_FRESH) {
    return { do: 'preflight', rotation };
  }
  const signer = currentVersion(situation.snapshot.versions);
  if (signer === null) return { do: 'wait', until: null };
  const fresh: MintIntent = {
    idempotencyKey: newKey(),
    signerVersionId: signer.id,
    committedAt: now,
    sends: 1,
  };
  const unsent = intent !== null && intent.sends === 0 && now - intent.committedAt < REPLAY_LIMIT;
  return { do: 'mint', rotation, intent: unsent ? { ...intent, sends: 1 } : fresh };
}

function towardsEnd(situation: Situation, rotation: Rotation, now: number): Action {
  const over = rotation.overlapEndsAt !== null && rotation.overlapEndsAt <= now;
  const everywhere = missing(situation, rotation).length === 0;
  if (everywhere && rotation.state !== 'overlap') return { do: 'settle', rotation };
  if (over && everywhere) return { do: 'close', rotation };
  if (over && rotation.state !== 'attention') return { do: 'attend', rotation };
  return { do: 'wait', until: nextDeadline(situation, rotation, now) };
}

function beginDue(situation: Situation, now: number): Action {
  const { snapshot, policy, spread } = situation;
  if (snapshot.queued !== null) return { do: 'begin', queued: snapshot.queued };
  const dueAt = nextRotationAt(policy, snapshot, spread, now);
  if (dueAt !== null && dueAt <= now) return { do: 'begin', queued: null };
  return { do: 'wait', until: dueAt };
}
