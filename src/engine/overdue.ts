import type { CredentialConfig } from '../config/types.ts';
import {
  type CredentialSnapshot,
  type Evidence,
  formatDuration,
  formatTime,
  HOUR,
  MINUTE,
  type Pause,
  type Signal,
} from '../model/index.ts';
import type { Scheduled } from '../state/contract.ts';

/*
 * A watchdog that shares nothing with what it watches: it reads the snapshot, the configuration and the table of due
 * work, and calls no rule of the rotation's.
 */

/** What the watchdog knows of one credential. */
export type Watched = {
  readonly config: Pick<CredentialConfig, 'name' | 'rotation'>;
  readonly snapshot: CredentialSnapshot;
  /** Its due record; null: it has none, and no turn will ever come. */
  readonly work: Scheduled | null;
};

/** A key that is older than its period by a tenth is overdue. */
const GRACE = 1.1;

/** Due for so long, and nobody took it up: the loop does not do its work. */
const STUCK_AFTER = HOUR;

/** How often it looks while something is overdue, and how seldom at most. */
const LOOKS_EVERY = 10 * MINUTE;
const LOOKS_AT_LEAST_EVERY = 6 * HOUR;

/** When the current key is overdue for replacement; null: there is none. */
function overdueAt({ config, snapshot }: Watched): number | null {
  const current = currentOf(snapshot);
  return current && Math.ceil(current.createdAt + config.rotation.every * GRACE);
}

function currentOf({ versions }: CredentialSnapshot) {
  return versions.find(({ state }) => state === 'current') ?? null;
}

/** `rotation-overdue`, or its end. */
export function overdueSignal(watched: Watched, now: number): Signal {
  const { config, snapshot } = watched;
  const { name, rotation } = config;
  const current = currentOf(snapshot);
  const since = overdueAt(watched);
  const about = { kind: 'rotation-overdue', credential: name, condition: '', at: now } as const;
  if (current === null || since === null || now < since) return { type: 'resolve', ...about };
  const age = now - current.createdAt;
  return {
    type: 'raise',
    ...about,
    severity: 'warning',
    title: `${name}: the key is ${formatDuration(age)} old and should have been replaced after ${formatDuration(rotation.every)}`,
    summary: [...reasons(watched, now), `Overdue since ${formatTime(since)}.`].join(' '),
    action: actionFor(watched, now),
    deadline: current.expiresAt,
    evidence: evidenceOf(watched, current, now),
  };
}

/** When to look again. */
export function nextLook(watched: readonly Watched[], now: number): number {
  const moments = watched.map(overdueAt).filter((moment) => moment !== null);
  if (moments.some((moment) => moment <= now)) return now + LOOKS_EVERY;
  return Math.min(now + LOOKS_AT_LEAST_EVERY, ...moments);
}

/** All that may be in the way, as far as the state shows it. */
function reasons({ config, snapshot, work }: Watched, now: number): string[] {
  const { record, open, queued } = snapshot;
  const pause = activePause(snapshot, now);
  const failure = open?.lastError ?? record.lastError;
  return [
    ...(failure === null ? [] : [`The last error: ${failure.message}.`]),
    ...(config.rotation.mode === 'guided' ? ['Its keys are made by hand.'] : []),
    ...(pause === null ? [] : [pausedText(pause)]),
    ...(open === null
      ? []
      : [`Rotation ${open.id} is in ${open.state} since ${formatTime(open.startedAt)}.`]),
    ...(queued === null ? [] : [`Rotation ${queued.id} waits to begin.`]),
    ...stuck(work, now),
  ];
}

function pausedText({ actor, since, until, reason }: Pause): string {
  const end = until === null ? 'until somebody resumes it' : `until ${formatTime(until)}`;
  return `${actor} paused it at ${formatTime(since)}, ${end}${reason === null ? '' : ` (${reason})`}.`;
}

function activePause({ record }: CredentialSnapshot, now: number): Pause | null {
  const { pause } = record;
  return pause !== null && (pause.until === null || pause.until > now) ? pause : null;
}

function stuck(work: Scheduled | null, now: number): string[] {
  if (work === null) return ['It has no due record: Keywarden will never look at it until it is restarted.'];
  const held = work.claimedUntil !== null && work.claimedUntil > now;
  if (held || work.dueAt > now - STUCK_AFTER) return [];
  return [`It is due since ${formatTime(work.dueAt)} and nobody has taken it up.`];
}

function actionFor(watched: Watched, now: number): string {
  const { config, snapshot, work } = watched;
  const { name, rotation } = config;
  if (stuck(work, now).length > 0) return 'Restart Keywarden, and keep its log: this is a defect.';
  if (activePause(snapshot, now) !== null) return `Have it rotated again: \`keywarden resume ${name}\``;
  if (rotation.mode === 'guided')
    return `Make a new key in the provider's console, then: \`keywarden import ${name} < file-with-the-key\``;
  return snapshot.open === null
    ? `Repair what the error names, then: \`keywarden rotate ${name} --reason overdue\``
    : `See where it stands: \`keywarden history ${name}\`; what is in its way: \`keywarden check\``;
}

function evidenceOf(
  { config, snapshot, work }: Watched,
  current: { readonly keyId: string | null; readonly number: number; readonly createdAt: number },
  now: number,
): Evidence {
  const { open, record } = snapshot;
  return {
    keyId: current.keyId,
    version: current.number,
    createdAt: formatTime(current.createdAt),
    every: formatDuration(config.rotation.every),
    rotation: open?.id ?? null,
    paused: activePause(snapshot, now) !== null,
    stuck: stuck(work, now).length > 0,
    code: (open?.lastError ?? record.lastError)?.code ?? null,
  };
}
