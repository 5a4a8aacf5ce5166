import { dirname } from 'node:path';
import { buildConfig } from './build.ts';
import type { Written } from './changes.ts';
import { type Discovery, discover } from './discover.ts';
import { parseText } from './document.ts';
import { ConfigError, type Fault, type KeyPath } from './fault.ts';
import { mergeTrees } from './merge.ts';
import { parseSurface } from './parse.ts';
import type { Directories } from './paths.ts';
import { ruleFaults, ruleWarnings } from './rules/index.ts';
import { templateFindings } from './rules/templates.ts';
import type { Parsed } from './schema/surface.ts';
import { secretReader } from './secret-reader.ts';
import { type Reference, resolveAll, settle } from './secrets.ts';
import { placeOf, type Tree, toValue } from './tree.ts';
import type { Config } from './types.ts';
import { unsupportedIn } from './unsupported.ts';

export type LoadOptions = Discovery & {
  /** References are not required to resolve: those that do not are warnings. */
  readonly offline?: boolean;
};

/** What {@link readConfig} found. */
export type Reading = {
  /** Null where there are faults; parts that are not supported yet do not keep it away. */
  readonly config: Config | null;
  readonly faults: readonly Fault[];
  /** Parts of the surface that this version refuses to run with. */
  readonly unsupported: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Absolute paths of the files read. */
  readonly sources: readonly string[];
  /** Null where the files cannot be read. */
  readonly written: Written | null;
};

/** What {@link loadConfig} gives. */
export type Loaded = Pick<Reading, 'warnings' | 'sources'> & {
  readonly config: Config;
  readonly written: Written;
};

/**
 * The configuration, ready to use: parsed, checked, references bound and read once, deeply frozen.
 *
 * @throws {ConfigError} `config_invalid` with every fault there is
 * @example const { config, warnings } = await loadConfig({ env: process.env, cwd: process.cwd() });
 */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const { config, faults, unsupported, warnings, sources, written } = await readConfig(options);
  if (config === null || written === null || faults.length + unsupported.length > 0)
    throw new ConfigError(faults, unsupported);
  return { config, warnings, sources, written };
}

/** The same without throwing: faults, unsupported parts and warnings apart, as `check` shows them. */
export async function readConfig(options: LoadOptions): Promise<Reading> {
  const faults: Fault[] = [];
  const files = await discover(options, faults);
  const directories = new Map(files.map(({ name, path }) => [name, dirname(path)]));
  const sources = files.map(({ path }) => path);
  const missing = faults.length > 0;
  const trees = files.map(({ name, text }) => parseText(name, text, faults));
  const tree = mergeTrees(
    trees.filter((each) => each !== null),
    faults,
  );
  // What an unreadable file would have said is unknown: the others would be faulted for what stands there.
  if (tree === null || missing || trees.includes(null)) {
    return { config: null, faults, unsupported: [], warnings: [], sources, written: null };
  }
  const unsupported = inOrder(unsupportedIn(tree));
  const checked = await check(tree, directories, options);
  faults.push(...checked.faults);
  const config = faults.length === 0 ? checked.config : null;
  const warnings = inOrder(checked.warnings);
  const written = { values: toValue(tree), place: (path: KeyPath) => placeOf(tree, path) };
  return { config, faults: inOrder(faults), unsupported, warnings, sources, written };
}

async function check(
  tree: Tree,
  directories: Directories,
  { env, offline = false }: LoadOptions,
): Promise<{ config: Config | null; faults: readonly Fault[]; warnings: readonly Fault[] }> {
  const { draft, faults: schemaFaults } = parseSurface(tree);
  const reader = secretReader(env);
  const references: Reference[] = [];
  const parsed = settle(draft.parsed, { tree, directories, reader, references });
  const resolved = await resolveAll(references, reader, { tree, offline });
  const templates = await templateFindings(draft, directories);
  const faults = [
    ...schemaFaults,
    ...(await ruleFaults(draft, directories)),
    ...templates.faults,
    ...(offline ? [] : templates.unread),
    ...resolved.faults,
  ];
  const warnings = [...ruleWarnings(draft), ...(offline ? templates.unread : []), ...resolved.warnings];
  // Without faults every required key is there.
  const config = faults.length === 0 ? buildConfig(parsed as Parsed, { draft, directories, env }) : null;
  return { config, faults, warnings };
}

/** As one reads the files, each fault once. */
export function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const seen = new Set<string>();
  const files = [...new Set(faults.map(({ file }) => file))];
  return faults
    .filter((fault) => {
      const key = JSON.stringify([fault.file, fault.line, fault.column, fault.keyPath, fault.problem]);
      return !seen.has(key) && seen.add(key);
    })
    .toSorted(
      (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
    );
}
