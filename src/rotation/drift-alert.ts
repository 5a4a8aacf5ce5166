import type { CredentialSnapshot, Destination, Signal, Version } from '../model/index.ts';
import { formatDuration, formatTime } from '../model/index.ts';
import { type Drift, type DriftPolicy, putsBack } from './drift.ts';
import { raise } from './signals.ts';
import { versionById } from './versions.ts';

/** What of a visit its alert speaks of. */
export type DriftSighting = {
  readonly destination: Destination;
  readonly wanted: Version;
  readonly snapshot: CredentialSnapshot;
  readonly policy: DriftPolicy;
  readonly drift: Drift;
};

/** Whose value stands there, what Keywarden did, and how ours comes back. Never the value. */
export function driftAlert(sighting: DriftSighting, now: number): Signal {
  const { destination, wanted, snapshot, policy, drift } = sighting;
  const { credential, id } = destination;
  const putBack = putsBack(drift, policy);
  const known = versionById(snapshot.versions, drift.versionId);
  return raise('store-drift', credential, now, {
    severity: 'warning',
    condition: id,
    title: `${credential}: ${id} no longer had version ${wanted.number}${putBack ? '; it is written again' : ' and is left as it is'}`,
    summary: `${holds(drift, known, now)} ${putBack ? 'Keywarden writes its own version again.' : 'Nothing was written (drift.onDrift: alert): applications that read this destination use what stands there.'}`,
    action: putBack
      ? `Find out what writes to ${id}: it is written over each time.`
      : `To have version ${wanted.number} back, remove that value by hand (it is written within ${formatDuration(policy.check)}) or set drift.onDrift: overwrite. A new version is written there in any case: \`keywarden rotate ${credential}\``,
    deadline: putBack ? null : (known?.expiresAt ?? null),
    evidence: {
      destination: id,
      version: wanted.number,
      found: drift.what,
      foundVersion: known?.number ?? null,
      written: putBack,
    },
  });
}

function holds({ what }: Drift, known: Version | null, now: number): string {
  if (what === 'vanished') return 'No value stood there any more.';
  if (known === null) return 'It held a value that is none of ours.';
  const whose = `the value of our version ${known.number} (${known.state}${endOf(known, now)})`;
  return what === 'reverted'
    ? `It held ${whose} again, as it was before: the store was restored, or has not kept what it took.`
    : `Somebody had put ${whose} there.`;
}

function endOf({ expiresAt }: Version, now: number): string {
  if (expiresAt === null) return '';
  return expiresAt > now ? `, it works until ${formatTime(expiresAt)}` : ', it has ended';
}
