import { parseCidr } from '../../detectors/cidr.ts';
import { parseAddress } from '../../detectors/ip.ts';
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
  return [
    ...idleWarnings(draft),
    ...guidedWarnings(draft),
    ...silenceWarnings(draft),
    ...blockWarnings(draft),
  ];
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

/** `respond: rotate` at the one detector that never finds a key. */
function silenceWarnings({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    if (rotateOf(monitor.detectors)['log-silence'] === undefined) return [];
    const path = ['monitors', name, 'detectors', 'log-silence', 'respond'];
    const problem = 'rotates nothing: the silence of a log is about no key';
    return [faultAt(placeOf(tree, path), path, { problem, hint: 'remove it; the alert comes all the same' })];
  });
}

/** `10.0.0.5/8`: it may be meant for one address, and lets sixteen million in. */
function blockWarnings({ tree, parsed }: Draft): readonly Fault[] {
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    const { perCredential = {}, otherKeys = {} } = monitor;
    const lists: ReadonlyArray<readonly [KeyPath, readonly string[] | undefined]> = [
      [[], monitor.ipAllowlist],
      ...Object.entries(perCredential).map(([of, own]) => [['perCredential', of], own.ipAllowlist] as const),
      ...Object.entries(otherKeys).map(([of, own]) => [['otherKeys', of], own.ipAllowlist] as const),
    ];
    return lists.flatMap(([at, blocks = []]) =>
      blocks.flatMap((block, index) => {
        const [base = '', bits = ''] = block.split('/');
        const address = parseAddress(base);
        if (bits === '' || address === null || parseCidr(block)?.first === address.value) return [];
        const path = ['monitors', name, ...at, 'ipAllowlist', index];
        const problem = `${block} is the whole block around ${base}: what stands beyond its first ${bits} bits counts for nothing`;
        const hint = `for the one address write ${base}, for the block its first address`;
        return [faultAt(placeOf(tree, path), path, { problem, hint })];
      }),
    );
  });
}

/** Detectors that are off because their rule is absent, for all keys or for those that have none of their own. */
function idleWarnings(draft: Draft): readonly Fault[] {
  const { tree, parsed } = draft;
  return Object.entries(parsed.monitors ?? {}).flatMap(([name, monitor]) => {
    const off = monitor.detectors?.['unregistered-geolocation'] === false;
    if (off || monitor.geolocations !== undefined) return [];
    const { listed, unlisted } = listsOf(draft, monitor);
    if (listed.length > 0 && unlisted.length === 0) return [];
    const path = ['monitors', name];
    const problem =
      listed.length === 0
        ? 'no geolocations: the detector unregistered-geolocation is off'
        : `geolocations only for ${listed.join(', ')}: for ${unlisted.join(', ')} the detector unregistered-geolocation is off`;
    const hint = 'list the countries your calls come from, or set the detector to false';
    return [faultAt(find(tree, path)?.keyPlace ?? tree.place, [...path, 'geolocations'], { problem, hint })];
  });
}

/** The credentials and other keys of a monitor that have a list of countries of their own, and those that have none. */
function listsOf(draft: Draft, { provider, perCredential = {}, otherKeys = {} }: ParsedMonitor) {
  const ours = subjectsOf(draft)
    .filter(({ credential }) => credential.provider === provider)
    .map(({ path }) => `${path.at(-1)}`);
  const others = Object.keys(otherKeys).filter((keyId) => otherKeys[keyId]?.retired !== true);
  const has = (name: string) => (perCredential[name] ?? otherKeys[name])?.geolocations !== undefined;
  const all = [...new Set([...ours, ...Object.keys(perCredential), ...others])];
  return { listed: all.filter(has), unlisted: all.filter((name) => !has(name)) };
}
