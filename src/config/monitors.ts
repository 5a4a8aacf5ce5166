import { dirname } from 'node:path';
import { z } from 'zod';
import type { Rules } from '../detectors/contract.ts';
import { name } from '../model/fields.ts';
import { monitorOf } from './build.ts';
import { type Discovery, discover } from './discover.ts';
import { parseText } from './document.ts';
import { explainAll } from './explain.ts';
import type { Fault } from './fault.ts';
import { inOrder } from './load.ts';
import { mergeTrees } from './merge.ts';
import { absolutePath } from './paths.ts';
import { KEY_ID } from './schema/key-id.ts';
import { monitor } from './schema/monitor.ts';
import { namesAt, type Tree, textAt, toValue } from './tree.ts';
import { unsupportedIn } from './unsupported.ts';

/** What is to be known of a monitor to judge a log by its rules. */
export type MonitorRules = {
  readonly name: string;
  readonly provider: string;
  readonly rules: Rules;
  /** The country database, absolute; null: none. */
  readonly geoip: string | null;
  /** The keys of the provider's credentials, as far as the configuration names their ids. */
  readonly keys: ReadonlyArray<{ readonly credential: string; readonly keyId: string }>;
};

const section = z.object({ monitors: z.record(name, monitor).optional() });

/**
 * The monitors of a configuration and nothing else of it: no reference is read, and whatever stands beside them may be
 * absent, wrong or not supported.
 *
 * @example const { monitors, faults } = await readMonitors({ files, env: process.env, cwd: process.cwd() });
 */
export async function readMonitors(
  options: Discovery,
): Promise<{ readonly monitors: readonly MonitorRules[]; readonly faults: readonly Fault[] }> {
  const faults: Fault[] = [];
  const files = await discover(options, faults);
  const directories = new Map(files.map((file) => [file.name, dirname(file.path)]));
  const trees = files.map((file) => parseText(file.name, file.text, faults)).filter((tree) => tree !== null);
  const tree = mergeTrees(trees, faults);
  if (tree === null || faults.length > 0) return { monitors: [], faults: inOrder(faults) };
  const read = section.safeParse(toValue(tree), { jitless: true });
  const ours = unsupportedIn(tree).filter(({ keyPath }) => keyPath.startsWith('monitors.'));
  if (!read.success)
    return { monitors: [], faults: inOrder([...explainAll(read.error.issues, section, tree), ...ours]) };
  if (ours.length > 0) return { monitors: [], faults: inOrder(ours) };
  const monitors = Object.entries(read.data.monitors ?? {}).map(([key, parsed]): MonitorRules => {
    const database = parsed.geoip?.database ?? null;
    const at = ['monitors', key, 'geoip', 'database'];
    return {
      name: key,
      provider: parsed.provider,
      rules: monitorOf(parsed, key).rules,
      geoip: database === null ? null : absolutePath(tree, at, database, directories),
      keys: keysOf(tree, parsed.provider),
    };
  });
  return { monitors, faults: [] };
}

function keysOf(tree: Tree, provider: string): MonitorRules['keys'] {
  return namesAt(tree, ['credentials']).flatMap((credential) => {
    if (textAt(tree, ['credentials', credential, 'provider']) !== provider) return [];
    const keyId = textAt(tree, ['credentials', credential, 'keyId']);
    return keyId !== undefined && KEY_ID.test(keyId) ? [{ credential, keyId }] : [];
  });
}
