import { type Fault, faultAt } from './fault.ts';
import { matches, type Tree, toValue } from './tree.ts';

/** A part of the surface that is read and checked, but that nothing stands behind yet. */
type Missing = {
  /** Where it stands: names divided by dots, `*` for any name or index. */
  readonly at: string;
  /** Which values are meant; absent: any. */
  readonly when?: (value: unknown) => boolean;
  readonly what: string;
};

const isMapping = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPostgres = (value: unknown) =>
  isMapping(value) || (typeof value === 'string' && /^postgres(ql)?:/.test(value));

/** Whoever brings one of these deletes its line here. */
const MISSING: readonly Missing[] = [
  { at: 'state.database', when: isPostgres, what: 'a PostgreSQL database' },
];

/** Every part of the configuration that this version does not support yet, in the order of the list. */
export function unsupportedIn(tree: Tree): readonly Fault[] {
  return MISSING.flatMap(({ at, when, what }) =>
    matches(tree, at)
      .filter(({ node }) => when === undefined || when(toValue(node)))
      .map(({ path, node }) => faultAt(node.keyPlace, path, { problem: `not yet supported: ${what}` })),
  );
}
