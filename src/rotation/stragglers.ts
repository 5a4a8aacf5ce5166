import type { KeyUser, Signal } from '../model/index.ts';
import { DAY, formatDuration, formatTime, HOUR, MINUTE } from '../model/index.ts';
import { missing } from './missing.ts';
import { nextStage, remind, remindersEnd, type Stage } from './reminders.ts';
import { isRolledBack } from './rolled-back.ts';
import type { Situation } from './situation.ts';
import { beganWith } from './steps.ts';
import { termsFor } from './terms.ts';
import { versionById } from './versions.ts';

/** The log may be so late. */
const LATE = 5 * MINUTE;

/** Who has not been seen for so long is taken to be gone. */
const GONE_AFTER = DAY;

/** So many are named; more are counted. */
const NAMED = 10;

function stagesOf({ policy, snapshot }: Pick<Situation, 'policy' | 'snapshot'>): readonly Stage[] {
  const { open } = snapshot;
  const end = open?.overlapEndsAt ?? null;
  if (open === null || end === null) return [];
  const { warnBefore } = termsFor(policy, open);
  return warnBefore.map((before) => ({ condition: formatDuration(before), from: end - before }));
}

/**
 * Who still uses the old key although every destination has had the new one for as long as its readers cache, and has
 * not been seen with the new key since.
 */
function stragglers(situation: Situation, now: number): readonly KeyUser[] {
  const { snapshot, users, destinations } = situation;
  const { open } = snapshot;
  if (open === null || isRolledBack(open) || missing(situation, open).length > 0) return [];
  const previous = versionById(snapshot.versions, open.previousVersionId);
  const newer = versionById(snapshot.versions, open.newVersionId);
  if (previous?.keyId == null) return [];
  // One that has come since, an agent beside a new pod, serves nobody who was there before.
  const awaited = snapshot.destinations.filter(({ id }) => beganWith(situation.steps, id));
  const served = Math.max(
    ...awaited.map(
      ({ id, publishedAt }) =>
        (publishedAt ?? 0) + (destinations.find((each) => each.id === id)?.consumerLag ?? 0),
    ),
    open.mintedAt ?? 0,
  );
  return users.filter(
    (user) =>
      user.keyId === previous.keyId &&
      user.lastSeenAt > served + LATE &&
      user.lastSeenAt > now - GONE_AFTER &&
      !users.some(
        (other) =>
          other.keyId === newer?.keyId && sameUser(other, user) && other.lastSeenAt > user.lastSeenAt,
      ),
  );
}

function sameUser(a: KeyUser, b: KeyUser): boolean {
  return a.ip === b.ip && a.userAgent === b.userAgent;
}

/** Those who will be refused at the overlap's end are named while there is time. */
export function oldKeyInUse(situation: Situation, now: number): Signal[] {
  const { snapshot } = situation;
  const { open, record } = snapshot;
  const stages = stagesOf(situation);
  if (open === null || !stages.some(({ from }) => from <= now)) return [];
  const users = stragglers(situation, now);
  if (users.length === 0) return remindersEnd('old-key-in-use', record.name, stages, now);
  const previous = versionById(snapshot.versions, open.previousVersionId);
  const end = open.overlapEndsAt ?? now;
  return remind(
    'old-key-in-use',
    record.name,
    stages,
    {
      severity: 'warning',
      title: `${record.name}: ${users.length} still use ${previous?.keyId ?? 'the old key'}, which ends in ${formatDuration(end - now)}`,
      summary: `They will be refused from ${formatTime(end)} on. Every destination has had the new key for longer than its readers cache.`,
      action: 'Restart or reload these applications, or find out where they read the key from.',
      deadline: end,
      evidence: {
        rotation: open.id,
        keyId: previous?.keyId ?? null,
        users: users.length,
        ips: users.slice(0, NAMED).map(({ ip }) => ip),
        seen: users.slice(0, NAMED).map(described),
      },
    },
    now,
  );
}

function described({ ip, userAgent, calls, firstSeenAt, lastSeenAt }: KeyUser): string {
  const hours = Math.max(1, (lastSeenAt - firstSeenAt) / HOUR);
  return `${ip} ${userAgent ?? '(no user agent)'}: ${Math.max(1, Math.round(calls / hours))} calls an hour, last at ${formatTime(lastSeenAt)}`;
}

/** The overlap is over: what still uses the key is the log watch's business now. */
export function stragglersEnd(situation: Pick<Situation, 'policy' | 'snapshot'>, now: number): Signal[] {
  return remindersEnd('old-key-in-use', situation.snapshot.record.name, stagesOf(situation), now);
}

/** The next of the configured times, or the moment at which one of those who are named is taken to be gone. */
export function nextStragglerMoment(situation: Situation, now: number): number | null {
  const stages = stagesOf(situation);
  const named = stages.some(({ from }) => from <= now) ? stragglers(situation, now) : [];
  const moments = named.map(({ lastSeenAt }) => lastSeenAt + GONE_AFTER);
  const stage = nextStage(stages, now);
  if (stage !== null) moments.push(stage);
  return moments.length === 0 ? null : Math.min(...moments);
}
