import type { DetectorKind, Rules } from '../detectors/contract.ts';
import { DAY, HOUR, MINUTE, SECOND, type Severity } from '../model/index.ts';
import type { Parsed, ParsedCredential, ParsedMonitor } from './schema/surface.ts';
import type { ChannelConfig, Config, CredentialConfig, RouteConfig } from './types.ts';

/** Without routes every channel is told everything; PagerDuty, which wakes people, of critical alerts only. */
export function defaultRoutes(channels: Readonly<Record<string, ChannelConfig>>): readonly RouteConfig[] {
  const entries = Object.entries(channels);
  const pagers = entries.filter(([, { kind }]) => kind === 'pagerduty').map(([name]) => name);
  const others = entries.filter(([, { kind }]) => kind !== 'pagerduty').map(([name]) => name);
  const all = { severity: [], kind: [], credential: [], escalate: null };
  return [
    ...(pagers.length === 0
      ? []
      : [{ ...all, severity: ['critical'] as const, channels: pagers, continue: true }]),
    ...(others.length === 0 ? [] : [{ ...all, channels: others, continue: false }]),
  ];
}

/** What follows within ten seconds is gathered; what still holds after four hours is told again. */
export function groupOf({ alerts }: Parsed): Config['group'] {
  return {
    wait: alerts?.group?.wait ?? 10 * SECOND,
    repeat: alerts?.group?.repeat ?? Number.POSITIVE_INFINITY,
  };
}

/** What each detector goes by where the file says nothing. */
const DETECTORS: Required<Rules['detectors']> = {
  'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
  'failures-then-success': {},
  'unregistered-geolocation': {},
  'outside-allowlist': {},
  'impossible-travel': { speedKmh: 1000, minimumKm: 500 },
  'retired-key-use': {},
  'unknown-key': {},
  'dormant-key': { after: 30 * DAY },
  'rate-limit-saturation': { window: 5 * MINUTE, share: 0.2 },
  'plaintext-attempt': {},
  'volume-surge': {},
  'new-client': {},
  'log-silence': { after: 15 * MINUTE },
};

const KINDS = Object.keys(DETECTORS) as DetectorKind[];
const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info'];

/** Every detector is on, with its defaults, unless it says `false`. */
export function detectorsOf(detectors: ParsedMonitor['detectors'] = {}): Rules['detectors'] {
  return Object.fromEntries(
    KINDS.flatMap((kind) => {
      const own = detectors[kind];
      if (own === false) return [];
      const { respond: _, ...settings } = on(own) ?? {};
      return [[kind, { ...DETECTORS[kind], ...settings }] as const];
    }),
  );
}

/** At which severities each detector that is on has the credential rotated; those that never do are left out. */
export function rotateOf(detectors: ParsedMonitor['detectors'] = {}): Rules['rotate'] {
  return Object.fromEntries(
    KINDS.flatMap((kind) => {
      const respond = on(detectors[kind])?.respond;
      const severities = SEVERITIES.filter(
        (severity) => (typeof respond === 'object' ? respond[severity] : respond) === 'rotate',
      );
      return severities.length === 0 ? [] : [[kind, severities] as const];
    }),
  );
}

/** Every destination is read back once an hour, and what is found there is told. */
export function driftOf(drift: ParsedCredential['drift']): CredentialConfig['drift'] {
  return { check: drift?.check ?? HOUR, onDrift: drift?.onDrift ?? 'alert' };
}

function on<Settings extends object>(detector: Settings | boolean | undefined): Settings | undefined {
  return typeof detector === 'object' ? detector : undefined;
}
