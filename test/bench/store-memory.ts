import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleOf } from './bundle.ts';
import { median } from './row.ts';
import type { StoreProcess } from './store-process.ts';
import type { StoreName, World } from './world.ts';

export type StoreMemory = {
  /** What each store adds to a process without any, MiB: median over median. */
  readonly added: Readonly<Record<StoreName, number>>;
  /** The process without any, MiB. */
  readonly none: number;
  /** How many modules of stores and their vendors that one has loaded. */
  readonly modules: number;
};

const SCRIPT = fileURLToPath(new URL('./store-process.ts', import.meta.url));
const STORES: readonly StoreName[] = ['vault', 'aws', 'cluster'];

/** Processes of the bundled code, the kinds of them taking turns, each of which has published some times. */
export async function memoryOfStores(world: World, runs: number, publications: number): Promise<StoreMemory> {
  const bundle = await bundleOf({ process: SCRIPT }, join(world.folder, 'store-process'));
  const kinds = ['none', ...STORES] as const;
  const files = new Map<string, string>();
  for (const kind of kinds) {
    files.set(kind, await world.configure('memory', { stores: kind === 'none' ? [] : [kind] }));
  }
  const measured = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  for (let turn = 0; turn < runs; turn += 1) {
    for (const [kind, file] of files) {
      measured.get(kind)?.push((await runOnce(world, bundle, file, publications)).memory);
    }
  }
  // In the bundle a module has no name.
  const { modules } = await runOnce(world, SCRIPT, files.get('none') ?? '', 1);
  const of = (kind: string) => median(measured.get(kind) ?? []);
  const added = Object.fromEntries(STORES.map((name) => [name, of(name) - of('none')]));
  return { added: added as StoreMemory['added'], none: of('none'), modules };
}

async function runOnce(world: World, script: string, file: string, count: number): Promise<StoreProcess> {
  const args = ['--expose-gc', script, file, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: world.env });
  return JSON.parse(stdout);
}
