import { isTestCode, type Node, roomOf, type Source } from './source.ts';

const MAX_FILE_LINES = 350;
const MAX_FUNCTION_LINES = 70;

const PURE = ['model', 'rotation', 'detectors', 'alerting'];
/** Where a clock is made out of the machine's, the stand-ins, which have one of their own, and the terminal. */
const CLOCKS = /^src\/(?:engine\/clock\.ts|sandbox\/|cli\/|demo\/)/;
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];
const IGNORING = /@ts-(?:ignore|nocheck|expect-error)|biome-ignore|eslint-disable|v8 ignore/;
const TEST_CALLS = ['test', 'it', 'describe', 'suite'];
const MOCKS = ['mock', 'doMock', 'hoisted'];
const TEST_SWITCHES = ['only', 'skip', 'todo', 'skipIf', 'runIf', 'fails'];

/** Code that breaks a rule, each as a line to read. */
export function codeBreaches(source: Source): string[] {
  const product = !isTestCode(source.path);
  const pure = product && PURE.includes(roomOf(source.path) ?? '');
  const rules: Rule[] = [functionLength, looseType, testSwitch];
  if (product) rules.push(console_);
  if (product && !CLOCKS.test(source.path)) rules.push(clock);
  if (pure) rules.push(ambient);
  const found = source.nodes.flatMap((node) =>
    rules.flatMap((rule) => {
      const breach = rule(node, source);
      return breach === null ? [] : [`${source.path}:${source.lineAt(node.start)}: ${breach}`];
    }),
  );
  for (const { text, line } of source.comments) {
    if (IGNORING.test(text)) found.push(`${source.path}:${line}: a comment that silences a tool`);
  }
  const lines = source.text.split('\n').length - 1;
  if (lines > MAX_FILE_LINES) found.push(`${source.path}: ${lines} lines, of ${MAX_FILE_LINES} at most`);
  return found;
}

type Rule = (node: Node, source: Source) => string | null;

/** In tests the cases inside a function do not count: a suite is a list of them. */
const functionLength: Rule = (node, { lineAt, nodes }) => {
  if (!FUNCTIONS.includes(node.type)) return null;
  const linesOf = ({ start, end }: Node) => lineAt(end) - lineAt(start) + 1;
  if (linesOf(node) <= MAX_FUNCTION_LINES) return null;
  const inside = nodes.filter((each) => each.start > node.start && each.end < node.end && isTestCall(each));
  const outermost = inside.filter((each) => !inside.some((other) => encloses(other, each)));
  const lines = linesOf(node) - outermost.reduce((sum, each) => sum + linesOf(each), 0);
  return lines > MAX_FUNCTION_LINES ? `a function of ${lines} lines, of ${MAX_FUNCTION_LINES} at most` : null;
};

const encloses = (outer: Node, inner: Node) =>
  outer !== inner && outer.start <= inner.start && outer.end >= inner.end;

const isTestCall = (node: Node) => node.type === 'CallExpression' && TEST_CALLS.includes(rootOf(node) ?? '');

const looseType: Rule = ({ type }) => {
  if (type === 'TSAnyKeyword') return 'any';
  return type === 'TSNonNullExpression' ? 'a non-null assertion' : null;
};

const testSwitch: Rule = (node) => {
  if (node.type !== 'MemberExpression') return null;
  const [root = '', property = ''] = [rootOf(node), nameOf(node.property)].map((name) => name ?? '');
  if (root === 'vi' && MOCKS.includes(property)) return `vi.${property}: tests use real parts`;
  const switched = TEST_CALLS.includes(root) && TEST_SWITCHES.includes(property);
  return switched ? `${root}.${property}: every test runs` : null;
};

const console_: Rule = (node) => (memberOf(node)?.[0] === 'console' ? 'writes to the console' : null);

const clock: Rule = (node) => {
  const [object, property] = memberOf(node) ?? [];
  const bare = node.type === 'NewExpression' || node.type === 'CallExpression';
  const date = bare && nameOf(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0;
  const reads = date || (object === 'Date' && property === 'now') || object === 'performance';
  return reads ? 'reads the clock; time comes from the Clock that is handed in' : null;
};

const AMBIENT_OBJECTS = ['process', 'globalThis', 'crypto'];
const AMBIENT_CALLS = ['setTimeout', 'setInterval', 'setImmediate', 'fetch'];

const ambient: Rule = (node) => {
  const [object = '', property] = memberOf(node) ?? [];
  if (object === 'Math' && property === 'random') return 'draws a random number in a pure room';
  if (AMBIENT_OBJECTS.includes(object)) return `uses ${object} in a pure room`;
  const callee = node.type === 'CallExpression' ? nameOf(node.callee) : null;
  return AMBIENT_CALLS.includes(callee ?? '') ? `calls ${callee} in a pure room` : null;
};

const nameOf = (node: unknown) => {
  const { type, name } = (node ?? {}) as Node;
  return type === 'Identifier' ? String(name) : null;
};

/** `[object, property]` of `object.property`. */
function memberOf(node: Node): readonly [string, string] | null {
  if (node.type !== 'MemberExpression') return null;
  const object = nameOf(node.object);
  const property = nameOf(node.property);
  return object === null || property === null ? null : [object, property];
}

/** The name a chain begins with: `test` of `test.each(rows)(…)`. */
function rootOf(node: Node): string | null {
  let at: unknown = node;
  for (;;) {
    const { type, object, callee } = at as Node;
    if (type === 'MemberExpression') at = object;
    else if (type === 'CallExpression') at = callee;
    else return nameOf(at);
  }
}
