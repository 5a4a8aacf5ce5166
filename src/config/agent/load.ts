import { dirname } from 'node:path';
import { type Discovery, discover, type Places } from '../discover.ts';
import { parseText } from '../document.ts';
import { explainAll } from '../explain.ts';
import { ConfigError, type Fault, faultAt } from '../fault.ts';
import { inOrder } from '../load.ts';
import { mergeTrees } from '../merge.ts';
import type { Draft } from '../parse.ts';
import type { Directories } from '../paths.ts';
import { readPublications } from '../publications.ts';
import { plaintextFaults, referenceFaults } from '../references.ts';
import { apiFaults, apiWarnings } from '../rules/api.ts';
import { destinationFaults, destinationWarnings } from '../rules/destinations.ts';
import { templateFindings } from '../rules/templates.ts';
import { secretReader } from '../secret-reader.ts';
import { type Reference, resolveAll, settle } from '../secrets.ts';
import { find, matches, type Tree, toValue } from '../tree.ts';
import { unsupportedIn } from '../unsupported.ts';
import { buildAgentConfig } from './build.ts';
import { agentSurface, type ParsedAgent } from './schema.ts';
import type { AgentConfig } from './types.ts';

const PLACES: Places = {
  system: '/etc/keywarden/agent.yaml',
  local: 'keywarden-agent.yaml',
  hint: 'docs/agent.md has one to begin with',
};

/** What was read, and from where. */
export type AgentReading = {
  readonly config: AgentConfig;
  readonly warnings: readonly Fault[];
  /** Absolute paths of the files read. */
  readonly sources: readonly string[];
};

/**
 * The agent's configuration, ready to use: parsed, checked, references bound and read once, deeply frozen.
 * @throws {ConfigError} `config_invalid` with every fault there is
 */
export async function loadAgentConfig(options: Omit<Discovery, 'places'>): Promise<AgentReading> {
  const faults: Fault[] = [];
  const files = await discover({ ...options, places: PLACES }, faults);
  const missing = faults.length > 0;
  const directories = new Map(files.map(({ name, path }) => [name, dirname(path)]));
  const trees = files.map(({ name, text }) => parseText(name, text, faults));
  const tree = mergeTrees(
    trees.filter((each) => each !== null),
    faults,
  );
  if (tree === null || missing || trees.includes(null)) throw new ConfigError(faults);
  const { config, warnings, ...checked } = await check(tree, directories, options.env);
  const unsupported = inOrder(unsupportedIn(tree));
  const found = inOrder([...faults, ...checked.faults]);
  if (config === null || found.length + unsupported.length > 0) throw new ConfigError(found, unsupported);
  return { config, warnings: inOrder(warnings), sources: files.map(({ path }) => path) };
}

type Checked = {
  readonly config: AgentConfig | null;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
};

async function check(tree: Tree, directories: Directories, env: Discovery['env']): Promise<Checked> {
  const read = agentSurface.safeParse(toValue(tree), { jitless: true });
  const strange = storeFaults(tree);
  if (!read.success || strange.length > 0) {
    const issues = (read.error?.issues ?? []).filter(
      ({ path }) => find(tree, [...path.slice(0, 4).map(String), 'store']) === undefined,
    );
    return { config: null, faults: [...explainAll(issues, agentSurface, tree), ...strange], warnings: [] };
  }
  const draft = draftOf(tree, read.data);
  const reader = secretReader(env);
  const references: Reference[] = [];
  const parsed = settle(read.data, { tree, directories, reader, references });
  const resolved = await resolveAll(references, reader, { tree, offline: false });
  const templates = await templateFindings(draft, directories);
  const faults = [
    ...referenceFaults(tree),
    ...plaintextFaults(tree),
    ...destinationFaults(draft, directories),
    ...templates.faults,
    ...templates.unread,
    ...apiFaults(draft),
    ...resolved.faults,
  ];
  const warnings = [...destinationWarnings(draft), ...apiWarnings(draft), ...resolved.warnings];
  const config = faults.length === 0 ? buildAgentConfig(parsed, { draft, directories, env }) : null;
  return { config, faults, warnings };
}

/** Only the parts that the daemon's rules look at, which hold here as well. */
function draftOf(tree: Tree, { api, state }: ParsedAgent): Draft {
  const { publications } = readPublications(tree);
  return { tree, parsed: { state, ...(api === undefined ? {} : { api }) }, publications };
}

/** Stores have logins, which an agent does not hold. */
function storeFaults(tree: Tree): readonly Fault[] {
  return matches(tree, 'credentials.*.publish.*').flatMap(({ path, node }) => {
    const store = find(node, ['store']);
    if (store === undefined) return [];
    const problem = 'names a store: an agent writes files only';
    const hint = 'the daemon publishes to stores: write this entry in its configuration';
    return [faultAt(store.keyPlace, path, { problem, hint })];
  });
}
