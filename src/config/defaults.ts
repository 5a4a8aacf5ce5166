import type { Rules } from '../detectors/contract.ts';
import { HOUR, MINUTE } from '../model/index.ts';
import type { ParsedCredential, ParsedMonitor } from './schema/surface.ts';
import type { ChannelConfig, CredentialConfig, RouteConfig } from './types.ts';

/** Without routes every channel is told everything; PagerDuty, which wakes people, of critical alerts only. */
export function defaultRoutes(channels: Readonly<Record<string, ChannelConfig>>): readonly RouteConfig[] {
  const entries = Object.entries(channels);
  const pagers = entries.filter(([, { kind }]) => kind === 'pagerduty').map(([name]) => name);
  const others = entries.filter(([, { kind }]) => kind !== 'pagerduty').map(([name]) => name);
  const all = { severity: [], kind: [], credential: [] };
  return [
    ...(pagers.length === 0
      ? []
      : [{ ...all, severity: ['critical'] as const, channels: pagers, continue: true }]),
    ...(others.length === 0 ? [] : [{ ...all, channels: others, continue: false }]),
  ];
}

/** Every detector is on, with its defaults, unless it says `false`. */
export function detectorsOf(detectors: ParsedMonitor['detectors'] = {}): Rules['detectors'] {
  const spike = detectors['auth-failure-spike'];
  const silence = detectors['log-silence'];
  return {
    ...(spike === false
      ? {}
      : { 'auth-failure-spike': { falseAlarmsPerKeyYear: on(spike)?.falseAlarmsPerKeyYear ?? 0.2 } }),
    ...(detectors['unregistered-geolocation'] === false ? {} : { 'unregistered-geolocation': {} }),
    ...(detectors['outside-allowlist'] === false ? {} : { 'outside-allowlist': {} }),
    ...(detectors['unknown-key'] === false ? {} : { 'unknown-key': {} }),
    ...(detectors['retired-key-use'] === false ? {} : { 'retired-key-use': {} }),
    ...(silence === false ? {} : { 'log-silence': { after: on(silence)?.after ?? 15 * MINUTE } }),
  };
}

/** Every destination is read back once an hour, and what is found there is told. */
export function driftOf(drift: ParsedCredential['drift']): CredentialConfig['drift'] {
  return { check: drift?.check ?? HOUR, onDrift: drift?.onDrift ?? 'alert' };
}

function on<Settings extends object>(detector: Settings | boolean | undefined): Settings | undefined {
  return typeof detector === 'object' ? detector : undefined;
}
