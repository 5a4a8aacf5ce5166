import type { Config, MonitorConfig } from '../../config/types.ts';
import type { PlaceRules } from '../../detectors/contract.ts';
import type { Result } from './result.ts';

/** Detectors that nobody turned off and that have no rule to go by. (The configuration's own warnings tell of geolocations.) */
export function idleDetectors({ monitors }: Config): Result[] {
  return Object.values(monitors)
    .filter(({ rules }) => rules.detectors['outside-allowlist'] !== undefined)
    .filter((monitor) => allRules(monitor).every(({ ipAllowlist }) => ipAllowlist === null))
    .map(({ name }) => ({
      level: 'warn',
      about: `monitor ${name}`,
      message:
        'no ipAllowlist: the detector outside-allowlist is off; list the networks your calls come from, or set the detector to false',
    }));
}

function allRules({ rules }: MonitorConfig): PlaceRules[] {
  return [rules, ...Object.values(rules.perCredential), ...Object.values(rules.otherKeys)];
}
