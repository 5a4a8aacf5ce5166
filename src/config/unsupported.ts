import { type Fault, faultAt, type KeyPath } from './fault.ts';
import { quote } from './quote.ts';
import { matches, type Tree, toValue } from './tree.ts';

/** A part of the surface that is read and checked, but that nothing stands behind yet. */
type Missing = {
  /** Where it stands: names divided by dots, `*` for any name or index. */
  readonly at: string;
  /** Which values are meant; absent: any. */
  readonly when?: (value: unknown, path: KeyPath) => boolean;
  readonly what: string | ((path: KeyPath) => string);
};

const is = (wanted: unknown) => (value: unknown) => value === wanted;
const isMapping = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPostgres = (value: unknown) =>
  isMapping(value) || (typeof value === 'string' && /^postgres(ql)?:/.test(value));

/** Detectors that run; the configuration of another is refused unless it turns it off. */
const DETECTORS = [
  'auth-failure-spike',
  'unregistered-geolocation',
  'outside-allowlist',
  'unknown-key',
  'retired-key-use',
  'log-silence',
];
const isOtherDetector = (value: unknown, path: KeyPath) =>
  value !== false && !DETECTORS.includes(String(path.at(-1)));

/** Whoever brings one of these deletes its line here. */
const MISSING: readonly Missing[] = [
  { at: 'state.database', when: isPostgres, what: 'a PostgreSQL database' },
  { at: 'monitors.*.geolocations', when: isMapping, what: 'learnt geolocations' },
  { at: 'monitors.*.geoip', what: 'a country database' },
  {
    at: 'monitors.*.detectors.*',
    when: isOtherDetector,
    what: (path) => `the detector ${quote(path.at(-1))}`,
  },
  { at: 'monitors.*.detectors.*.respond', when: is('rotate'), what: 'respond: rotate' },
  { at: 'alerts.channels.*.kind', when: is('webhook'), what: 'channels of kind webhook' },
  { at: 'alerts.routes.*.escalate', what: 'escalation' },
  { at: 'alerts.group', what: 'grouping of alerts' },
  { at: 'alerts.heartbeat', what: 'the heartbeat' },
];

/** Every part of the configuration that this version does not support yet, in the order of the list. */
export function unsupportedIn(tree: Tree): readonly Fault[] {
  return MISSING.flatMap(({ at, when, what }) =>
    matches(tree, at)
      .filter(({ path, node }) => when === undefined || when(toValue(node), path))
      .map(({ path, node }) => {
        const part = typeof what === 'string' ? what : what(path);
        return faultAt(node.keyPlace, path, { problem: `not yet supported: ${part}` });
      }),
  );
}
