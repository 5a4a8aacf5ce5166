import { rotateOf } from '../defaults.ts';
import { type Fault, faultAt, type KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { traitsOf } from '../policy.ts';
import type { ParsedMonitor } from '../schema/surface.ts';
import { find, placeOf, textAt } from '../tree.ts';
import { subjectsOf } from './subject.ts';

/** A provider that has a log, read with a key of its own, and rules about keys of that provider. */
export function monitorFaults(draft: Draft): readonly Fault[] {
  return [...logFaults(draft), ...keyFaults(draft)];
}

function logFaults({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    const provider = parsed.providers?.[monitor.provider];
    if (provider === undefined || traitsOf(provider).hasLog) return [];
    const path = ['monitors', name, 'provider'];
    const problem = `providers of kind ${provider.kind} have no log: there is nothing to watch`;
    return [faultAt(placeOf(tree, path), path, { problem, hint: 'remove this monitor' })];
  });
}

function keyFaults({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    const base = ['monitors', name];
    const own: ReadonlyArray<readonly [KeyPath, string]> = [
      [[...base, 'credential'], monitor.credential],
      ...Object.keys(monitor.perCredential ?? {}).map(
        (credential) => [[...base, 'perCredential', credential], credential] as const,
      ),
    ];
    return own.flatMap(([path, credential]) => {
      const provider = textAt(tree, ['credentials', credential, 'provider']);
      if (provider === undefined || provider === monitor.provider) return [];
      const problem = `${credential} is a credential of ${provider}, this log is ${monitor.provider}'s`;
      return [faultAt(placeOf(tree, path), path, { problem })];
    });
  });
}

/** What is said and has no effect. */
export function monitorWarnings(draft: Draft): readonly Fault[] {
  return [...idleWarnings(draft), ...guidedWarnings(draft)];
}

/** `respond: rotate` where a person makes the keys. */
function guidedWarnings(draft: Draft): readonly Fault[] {
  const guided = subjectsOf(draft).filter(({ policy }) => policy.mode === 'guided');
  return Object.entries(draft.parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    const names = guided
      .filter(({ credential }) => credential.provider === monitor.provider)
      .map(({ path }) => path.at(-1));
    if (names.length === 0) return [];
    return Object.keys(rotateOf(monitor.detectors)).map((kind) => {
      const path = ['monitors', name, 'detectors', kind, 'respond'];
      const problem = `rotates nothing of ${names.join(', ')}: a person makes those keys`;
      const hint = 'the alert says so when it comes';
      return faultAt(placeOf(draft.tree, path), path, { problem, hint });
    });
  });
}

/** Detectors that are off because their rule is absent. */
function idleWarnings({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    if (monitor.detectors?.['unregistered-geolocation'] === false || hasGeolocations(monitor)) return [];
    const path = ['monitors', name];
    const problem = 'no geolocations: the detector unregistered-geolocation is off';
    const hint = 'list the countries your calls come from, or set the detector to false';
    return [faultAt(find(tree, path)?.keyPlace ?? tree.place, [...path, 'geolocations'], { problem, hint })];
  });
}

function hasGeolocations({ geolocations, perCredential = {}, otherKeys = {} }: ParsedMonitor): boolean {
  const narrower = [...Object.values(perCredential), ...Object.values(otherKeys)];
  return geolocations !== undefined || narrower.some((rules) => rules.geolocations !== undefined);
}
