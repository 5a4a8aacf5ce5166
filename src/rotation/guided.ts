import type { Signal, Version } from '../model/index.ts';
import { formatDuration, formatTime, HOUR } from '../model/index.ts';
import { type Folded, folded } from './folded.ts';
import { nextStage, remind, remindersEnd, type Stage } from './reminders.ts';
import type { HeldTest, Situation } from './situation.ts';
import { currentVersion } from './versions.ts';

/** A keep-alive that failed is tried again after this long. */
const TRY_AGAIN = HOUR;

/** When a person is reminded that a guided credential's key is due for replacement. */
function dueStages({ policy, snapshot }: Situation): readonly Stage[] {
  const current = currentVersion(snapshot.versions);
  if (policy.mode !== 'guided' || current === null) return [];
  return stagesBefore(current.createdAt + policy.every, policy.remindBefore);
}

/** When a person is reminded that a key will lapse for want of use. */
function lapseStages({ policy, snapshot, usedAt }: Situation): readonly Stage[] {
  if (policy.inactivity === null || usedAt === null || currentVersion(snapshot.versions) === null) return [];
  // A keep-alive comes first where there is one: only its failure is worth a word.
  const silent = policy.inactivity - (policy.keepAlive ?? 0);
  return stagesBefore(
    usedAt + policy.inactivity,
    policy.remindBefore.filter((before) => before < silent),
  );
}

function stagesBefore(end: number, before: readonly number[]): readonly Stage[] {
  return [
    ...before.map((ms) => ({ condition: formatDuration(ms), from: end - ms })),
    { condition: 'due', from: end },
  ];
}

/** What a person has to do for a key that Keywarden cannot replace itself. */
export function guidedReminders(situation: Situation, now: number): Signal[] {
  const { policy, snapshot, usedAt } = situation;
  const { name } = snapshot.record;
  const current = currentVersion(snapshot.versions);
  if (current === null) return [];
  const dueAt = current.createdAt + policy.every;
  const key = current.keyId ?? `version ${current.number}`;
  const lapses = lapseStages(situation);
  return [
    ...remind(
      'rotation-due',
      name,
      dueStages(situation),
      {
        severity: 'warning',
        title: `${name}: a new key is due ${when(dueAt, now)}`,
        summary: `Its provider has no way to make keys but its own dashboard. ${key} is ${formatDuration(now - current.createdAt)} old.`,
        action: `Make a key in the provider's dashboard, then: \`keywarden import ${name} < file-with-the-key\`. Later revoke the old one, then: \`keywarden retire ${name} ${current.number}\``,
        deadline: dueAt,
        evidence: { version: current.number, keyId: current.keyId, dueAt: formatTime(dueAt) },
      },
      now,
    ),
    ...remind('inactivity-expiry', name, lapses, lapse(situation, current, usedAt ?? now, now), now),
    // The log has shown a later use: what was told of the one before has ended.
    ...remindersEnd(
      'inactivity-expiry',
      name,
      lapses.filter(({ from }) => from > now),
      now,
    ),
  ];
}

function lapse({ policy, snapshot }: Situation, current: Version, usedAt: number, now: number) {
  const { name } = snapshot.record;
  const end = usedAt + (policy.inactivity ?? 0);
  const off = policy.keepAlive === null;
  return {
    severity: 'warning' as const,
    title: `${name}: its key lapses for want of use ${when(end, now)}`,
    summary:
      `The last use that Keywarden knows of was at ${formatTime(usedAt)}; ` +
      (off
        ? 'keepAlive is off. Applications may have used it since.'
        : 'the keep-alive call does not get through.'),
    action: off
      ? `Call the API once with the key, or set \`keepAlive: 60d\`. To have Keywarden look at once: \`keywarden adopt ${name}\``
      : 'Bring the provider back within reach; to find the fault: `keywarden check`',
    deadline: end,
    evidence: { version: current.number, keyId: current.keyId, usedAt: formatTime(usedAt) },
  };
}

function when(at: number, now: number): string {
  return at > now ? `in ${formatDuration(at - now)}` : `since ${formatTime(at)}`;
}

/** The next moment at which {@link guidedReminders} has something new to tell. */
export function nextGuidedMoment(situation: Situation, now: number): number | null {
  const moments = [nextStage(dueStages(situation), now), nextStage(lapseStages(situation), now)];
  const known = moments.filter((moment) => moment !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** A new key was brought: what was reminded of is done. */
export function guidedRemindersEnd(situation: Situation, now: number): Signal[] {
  const { name } = situation.snapshot.record;
  return [
    ...remindersEnd('rotation-due', name, dueStages(situation), now),
    ...remindersEnd('inactivity-expiry', name, lapseStages(situation), now),
  ];
}

/** When the current key must be used by us; null: never. */
export function keepAliveAt({ policy, snapshot, usedAt }: Situation): number | null {
  const current = currentVersion(snapshot.versions);
  if (policy.keepAlive === null || policy.inactivity === null || current === null || usedAt === null)
    return null;
  if (snapshot.record.state !== 'managed') return null;
  return Math.max(usedAt + policy.keepAlive, (current.probedAt ?? Number.NEGATIVE_INFINITY) + TRY_AGAIN);
}

/** The provider accepted the call, refused the key, or could not be asked. */
export function foldKeepAlive(situation: Situation, version: Version, test: HeldTest, now: number): Folded {
  const { record } = situation.snapshot;
  const probed: Version = {
    ...version,
    probedAt: now,
    ...(test.accepted === true ? { acceptedAt: now } : {}),
  };
  const put = { type: 'version.put', version: probed } as const;
  if (test.accepted === true)
    return folded([put], remindersEnd('inactivity-expiry', record.name, lapseStages(situation), now));
  if (test.accepted === null) return folded([put]);
  const rejected = {
    ...record,
    state: 'rejected',
    attempts: 0,
    retryAt: null,
    lastError: test.failure,
  } as const;
  return folded([put, { type: 'credential.put', record: rejected }]);
}
