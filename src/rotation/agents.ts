import {
  AGENT_PREFIX,
  type Change,
  type CredentialSnapshot,
  DAY,
  type Destination,
  type Failure,
  formatTime,
  HOUR,
  MINUTE,
  type Rotation,
  type Signal,
} from '../model/index.ts';
import { type Folded, folded } from './folded.ts';
import { raise, resolve } from './signals.ts';
import type { PolicyDestination, Situation } from './situation.ts';
import { beganWith, moveStep } from './steps.ts';
import { currentVersion } from './versions.ts';

/*
 * An agent fetches versions by itself and says what it holds. While it does, it counts as a destination: a rotation
 * waits for it, and a person is told where it lags behind.
 */

/** One that has said nothing for so long is gone: a machine that died does not say goodbye. */
const GONE_AFTER = 7 * DAY;

/** They speak once an hour. Nobody waits for one that has missed this; where it lacks a version, that is told. */
const SILENT_AFTER = 3 * HOUR;

/** That nothing has changed is written this rarely. */
const SEEN_EVERY = 10 * MINUTE;

/** True for a destination that is no place of the configuration's but an agent. */
export function isAgent(destination: string): boolean {
  return destination.startsWith(AGENT_PREFIX);
}

/** The agents that count, by what they said last. */
export function agentsOf({ destinations }: CredentialSnapshot, now: number): PolicyDestination[] {
  return destinations.flatMap(({ id, checkedAt }) => {
    if (!isAgent(id) || checkedAt === null || checkedAt <= now - GONE_AFTER) return [];
    const agent = { id, required: false, consumerLag: 0, lane: null };
    return [checkedAt > now - SILENT_AFTER ? agent : { ...agent, silentSince: checkedAt }];
  });
}

/** Nobody is late any more where nobody is. */
export function agentsGone({ snapshot, destinations }: Situation, now: number): Signal[] {
  const current = currentVersion(snapshot.versions);
  return snapshot.destinations
    .filter(({ id, versionId }) => isAgent(id) && versionId !== current?.id)
    .filter(({ id }) => destinations.every((counted) => counted.id !== id))
    .map(({ id }) => resolve('publish-failed', snapshot.record.name, now, id));
}

/** Those that lack the rotation's version and have fallen silent: gone without a goodbye, or cut off. */
export function silentAgents(
  { snapshot, destinations }: Situation,
  rotation: Rotation,
  now: number,
): Signal[] {
  return destinations.flatMap(({ id, silentSince }) => {
    const held = snapshot.destinations.find((destination) => destination.id === id)?.versionId;
    if (silentSince === undefined || held === rotation.newVersionId) return [];
    return raise('publish-failed', rotation.credential, now, {
      severity: 'warning',
      condition: id,
      title: `${rotation.credential}: nothing was heard of ${id} since ${formatTime(silentSince)}, and it may lack the new key`,
      summary:
        'It is gone without a goodbye, or it is cut off from this Keywarden: then applications beside it are refused when the overlap ends. The rotation does not wait for it.',
      action:
        'See whether the agent still runs, and what its log says; one that is gone is forgotten after 7 days',
      deadline: rotation.overlapEndsAt,
      evidence: { rotation: rotation.id, destination: id, silentSince: formatTime(silentSince) },
    });
  });
}

/**
 * What an agent says it holds.
 * @param number of the version that it holds; null: it ends, and holds nothing from now on
 */
export function foldReport(
  { snapshot, steps }: Situation,
  { agent, number }: { readonly agent: string; readonly number: number | null },
  now: number,
): Folded {
  const id = `${AGENT_PREFIX}${agent}`;
  const { record, versions, open } = snapshot;
  if (number === null) return goodbye(snapshot, id, now);
  const held = versions.find((version) => version.number === number) ?? null;
  const current = currentVersion(versions);
  const has = held !== null && held.id === current?.id;
  const before = snapshot.destinations.find((destination) => destination.id === id) ?? null;
  const anew = before?.versionId !== (held?.id ?? null) || before.state !== (has ? 'published' : 'pending');
  if (!anew && now - (before.checkedAt ?? 0) < SEEN_EVERY) return folded([]);
  const destination: Destination = {
    credential: record.name,
    id,
    state: has ? 'published' : 'pending',
    versionId: held?.id ?? null,
    publishedAt: anew && has ? now : (before?.publishedAt ?? null),
    checkedAt: now,
    hook: null,
    attempts: 0,
    looks: 0,
    lastError: held === null ? unknownVersion(agent, number) : null,
  };
  const changes: Change[] = [{ type: 'destination.put', destination }];
  if (!has) return folded(changes);
  const waited = beganWith(steps, id);
  if (anew && waited && open?.newVersionId === held.id)
    changes.push(moveStep(steps, open.id, 'publish', 'done', now, { destination: id }));
  return folded(changes, [resolve('publish-failed', record.name, now, id)]);
}

function goodbye({ record, destinations }: CredentialSnapshot, id: string, now: number): Folded {
  const known = destinations.find((destination) => destination.id === id);
  if (known === undefined || known.checkedAt === null) return folded([]);
  const destination: Destination = { ...known, state: 'pending', versionId: null, checkedAt: null };
  return folded(
    [{ type: 'destination.put', destination }],
    [resolve('publish-failed', record.name, now, id)],
  );
}

function unknownVersion(agent: string, number: number): Failure {
  return {
    code: 'unknown_version',
    verdict: 'retryable',
    message: `${agent} holds version ${number}, which this Keywarden does not know; was its state restored from a backup?`,
  };
}
