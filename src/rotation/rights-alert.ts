import type { AlteredRights, Destination, Signal } from '../model/index.ts';
import { formatDuration } from '../model/index.ts';
import type { DriftPolicy } from './drift.ts';
import { raise } from './signals.ts';

/** The code of what cannot be read since somebody has taken Keywarden's right to: that does not pass by itself. */
export const LOCKED = 'no_right';

/** What of a visit its alert speaks of. `written`: it was written again, and so has its own rights again. */
export type RightsSighting = {
  readonly destination: Destination;
  readonly rights: AlteredRights;
  readonly policy: DriftPolicy;
  readonly written: boolean;
};

/** What was found, what is wanted, and whether the key may have been read. */
export function rightsAlert({ destination, rights, policy, written }: RightsSighting, now: number): Signal {
  const { credential, id } = destination;
  const { found, wanted, wider, repair } = rights;
  const risk = wider
    ? 'Users of that machine who should not may have read the key.'
    : 'Whoever shall read it may not be able to.';
  const did = written
    ? 'Keywarden writes it again as it is configured.'
    : policy.onDrift === 'alert'
      ? 'It is left as it is (drift.onDrift: alert).'
      : 'It could not be written again yet; Keywarden goes on trying.';
  const exposed = wider ? ` If others may have read it: \`keywarden rotate ${credential}\`` : '';
  return raise('file-permissions', credential, now, {
    severity: 'warning',
    condition: id,
    title: `${credential}: ${id} has ${found}, not ${wanted}${written ? '; it is set right' : ''}`,
    summary: `Somebody changed that since it was published, or the configuration. ${risk} ${did}`,
    action: written
      ? `Find out what changes ${id}: it is set right each time.${exposed}`
      : `\`${repair}\` (looked at again within ${formatDuration(policy.check)}), or set drift.onDrift: overwrite, or the configuration to what is meant.${exposed}`,
    evidence: { destination: id, found, wanted, wider, written },
  });
}
