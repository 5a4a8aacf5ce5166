import type { z } from 'zod';
import { SECRET_EXPECTED } from '../model/fields.ts';
import { nearest } from '../model/nearest.ts';
import { type Fault, faultAt, type KeyPath } from './fault.ts';
import { quote, suggestion, typeOf } from './quote.ts';
import { keysAt } from './schema-keys.ts';
import { find, placeOf, type Tree, toValue } from './tree.ts';

type Issue = z.core.$ZodIssue;

/**
 * What a schema found wrong, as faults with their places. `base` is where the value that `schema` read stands in
 * the tree.
 */
export function explainAll(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  tree: Tree,
  base: KeyPath = [],
): readonly Fault[] {
  return issues.flatMap((issue) => explain(issue, { schema, tree, base }, []));
}

type Context = { readonly schema: z.core.$ZodType; readonly tree: Tree; readonly base: KeyPath };

function explain(issue: Issue, context: Context, prefix: KeyPath): readonly Fault[] {
  const inner = [...prefix, ...(issue.path as Array<string | number>)];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, context, inner));
  const branch =
    issue.code === 'invalid_union' && issue.message !== SECRET_EXPECTED ? bestBranch(issue.errors) : null;
  if (branch !== null) return branch.flatMap((each) => explain(each, context, inner));
  return [mismatch(issue, context, inner)];
}

function unknownKey(key: string, { schema, tree, base }: Context, inner: KeyPath): Fault {
  const path = [...base, ...inner];
  const parent = find(tree, path);
  const known = keysAt(schema, inner, parent === undefined ? undefined : toValue(parent));
  const place = find(tree, [...path, key])?.keyPlace ?? placeOf(tree, path);
  return faultAt(place, [...path, key], { problem: 'unknown key', hint: suggestion(key, known) });
}

function mismatch(issue: Issue, { tree, base }: Context, inner: KeyPath): Fault {
  const path = [...base, ...inner];
  const node = find(tree, path);
  const expected = expectedOf(issue);
  if (node === undefined) {
    return faultAt(placeOf(tree, path), path, {
      problem: `missing; expected ${expected}`,
      expected,
      found: 'nothing',
    });
  }
  const value = toValue(node);
  if (issue.code === 'invalid_key') {
    return faultAt(node.keyPlace, path, { expected, found: quote(path.at(-1)) });
  }
  // `env: sk_live_…`: a key pasted in the place of a variable's name.
  const secret = issue.message === SECRET_EXPECTED || path.at(-1) === 'env';
  const found = secret || typeof value === 'object' ? typeOf(value) : foundOf(issue, value);
  return faultAt(node.place, path, { expected, found, hint: hintOf(issue, value) });
}

/** Text is quoted only where text was expected: anywhere else it may be a secret that lost its way. */
function foundOf(issue: Issue, value: unknown): string {
  return issue.code === 'invalid_type'
    ? typeof value === 'string'
      ? typeOf(value)
      : quote(value)
    : quote(value);
}

/** Of a union, the form that was probably meant: the one with the fewest faults, unless none has even the right type. */
function bestBranch(branches: ReadonlyArray<readonly Issue[]>): readonly Issue[] | null {
  const fitting = branches.filter((issues) => !issues.some(isWrongType));
  const [best = null, second] = fitting.toSorted((a, b) => weight(a) - weight(b));
  return best !== null && second !== undefined && weight(second) === weight(best) ? null : best;
}

function isWrongType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isWrongType));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function weight(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping of names',
  array: 'a list',
};

function expectedOf(issue: Issue): string {
  const [, own] =
    /^expected (.*)$/s.exec(
      issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? '') : issue.message,
    ) ?? [];
  if (own !== undefined) return own;
  const choice = choicesOf(issue);
  if (choice.length > 8) return `one of ${choice.slice(0, 3).join(', ')}, … (${choice.length} in all)`;
  if (choice.length > 0) return choice.length === 1 ? String(choice[0]) : `one of ${choice.join(', ')}`;
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'too_small':
      return `${amount(issue.origin, 'at least', issue.minimum, issue.inclusive)}`;
    case 'too_big':
      return `${amount(issue.origin, 'at most', issue.maximum, issue.inclusive)}`;
    case 'invalid_union':
      return [
        ...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : [expectedOf(first)]))),
      ].join(' or ');
    default:
      return 'another value';
  }
}

function amount(origin: string, bound: string, limit: number | bigint, inclusive = true): string {
  if (origin === 'string') return `text of ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `a list of ${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return inclusive
    ? `a number of ${bound} ${limit}`
    : `a number ${bound === 'at least' ? 'above' : 'below'} ${limit}`;
}

function choicesOf(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue) return (issue.options ?? []).map(String);
  return [];
}

function hintOf(issue: Issue, value: unknown): string | null {
  const given = issue.code === 'custom' ? issue.params?.hint : undefined;
  if (typeof given === 'string') return given;
  if (value === null) return 'the key has no value: give it one or remove it';
  const near = typeof value === 'string' ? nearest(value, choicesOf(issue)) : null;
  return near === null ? null : `did you mean "${near}"?`;
}
