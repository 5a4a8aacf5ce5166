import type { Signal, Version } from '../model/index.ts';
import { DAY, formatDuration, formatTime, HOUR } from '../model/index.ts';
import { type Folded, folded } from './folded.ts';
import { nextStage, remind, remindersEnd, type Stage } from './reminders.ts';
import type { HeldTest, Situation } from './situation.ts';

/** How often the provider is asked whether it still accepts a key that is known to others. */
const PROBE_EVERY = HOUR;

/** When people are reminded of it, after it became known; then daily, for the ten days that anybody would take. */
const REMINDED_AFTER = [0, 4 * HOUR, 12 * HOUR, ...Array.from({ length: 10 }, (_, day) => (day + 1) * DAY)];

/** Versions that are known to others and, as far as we know, still valid. */
export function exposed({ snapshot }: Situation): readonly Version[] {
  return snapshot.versions.filter(
    ({ state, compromisedAt }) =>
      compromisedAt !== null &&
      // Refused: it exposes nobody, and `recover` looks after it.
      !(state === 'current' && snapshot.record.state === 'rejected') &&
      (state === 'current' || state === 'compromised' || state === 'retiring'),
  );
}

/** When it is asked next whether this key still works. */
export function probeAt({ compromisedAt, probedAt }: Version): number {
  return Math.max(compromisedAt ?? 0, probedAt ?? 0) + PROBE_EVERY;
}

/** A refused key exposes nobody any longer; where it is still the current one, applications are refused too. */
export function foldProbe(situation: Situation, version: Version, test: HeldTest, now: number): Folded {
  const { record } = situation.snapshot;
  const probed: Version = { ...version, probedAt: now };
  if (test.accepted === true)
    return folded([{ type: 'version.put', version: { ...probed, acceptedAt: now } }]);
  if (test.accepted === null) return folded([{ type: 'version.put', version: probed }]);
  const ends = exposureEnds(version, now);
  if (version.state !== 'current')
    return folded([{ type: 'version.put', version: { ...probed, state: 'retired' } }], ends);
  const rejected = { ...record, state: 'rejected', retryAt: null, lastError: test.failure } as const;
  return folded(
    [
      { type: 'version.put', version: probed },
      { type: 'credential.put', record: rejected },
    ],
    ends,
  );
}

/** The key has ended. */
export function exposureEnds(version: Version, now: number): Signal[] {
  return version.compromisedAt === null
    ? []
    : remindersEnd('key-compromised', version.credential, stagesOf(version), now);
}

function stagesOf({ id, compromisedAt }: Version): readonly Stage[] {
  return REMINDED_AFTER.map((after) => ({
    condition: `${id} ${formatDuration(after)}`,
    from: (compromisedAt ?? 0) + after,
  }));
}

/** A key that is known to others is reminded of until the provider refuses it. */
export function exposures(situation: Situation, now: number): Signal[] {
  return exposed(situation).flatMap((version) => {
    const { credential, keyId, expiresAt, compromisedAt, state } = version;
    const key = keyId ?? `version ${version.number}`;
    const until = expiresAt === null ? 'has no end known to us' : `works until ${formatTime(expiresAt)}`;
    return remind(
      'key-compromised',
      credential,
      stagesOf(version),
      {
        severity: 'critical',
        title: `${credential}: ${key} is known to others and ${expiresAt === null ? 'still works' : until}`,
        summary:
          `It has been exposed for ${formatDuration(now - (compromisedAt ?? now))} and ${until}. ` +
          (state === 'current'
            ? 'It is still the current key: its successor is not there yet.'
            : 'Its successor is published; no API can end the old key sooner.'),
        action: next(situation, version, key),
        deadline: expiresAt,
        evidence: {
          keyId,
          version: version.number,
          acceptedAt: formatTime(version.acceptedAt ?? version.createdAt),
        },
      },
      now,
    );
  });
}

function next({ policy }: Situation, { credential, state, number }: Version, key: string): string {
  const revoke = `Revoke ${key} in the provider's console`;
  if (policy.mode === 'automatic')
    return `${revoke}${state === 'current' ? ' once its successor is published' : ''}.`;
  return state === 'current'
    ? `Make a key in the provider's dashboard, then: \`keywarden import ${credential} < file-with-the-key\``
    : `${revoke}, then: \`keywarden retire ${credential} ${number}\``;
}

/** The next moment at which a probe or a reminder is due. */
export function nextExposureMoment(situation: Situation, now: number): number | null {
  const moments = exposed(situation).flatMap((version) => {
    const stage = nextStage(stagesOf(version), now);
    return stage === null ? [probeAt(version)] : [probeAt(version), stage];
  });
  return moments.length === 0 ? null : Math.min(...moments);
}
