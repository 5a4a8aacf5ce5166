import { KeywardenError, SecretSource } from '../model/index.ts';
import { type Fault, faultAt, type KeyPath } from './fault.ts';
import { absolutePath, type Directories, isPath } from './paths.ts';
import type { SecretReader } from './secret-reader.ts';
import { placeOf, type Tree } from './tree.ts';

/** A reference with its way through the file. */
export type Reference = { readonly path: KeyPath; readonly source: SecretSource };

/**
 * A copy of what the schema made, its paths absolute and its references bound to `reader`. Each reference is added
 * to `references`.
 */
export function settle<T>(
  value: T,
  context: {
    readonly tree: Tree;
    readonly directories: Directories;
    readonly reader: SecretReader;
    readonly references: Reference[];
  },
  path: KeyPath = [],
): T {
  return settled(value, context, path) as T;
}

function settled(value: unknown, context: Parameters<typeof settle>[1], path: KeyPath): unknown {
  if (value instanceof SecretSource) return bound(value, context, path);
  if (typeof value === 'string') {
    return isPath(path) ? absolutePath(context.tree, path, value, context.directories) : value;
  }
  if (Array.isArray(value)) return value.map((item, index) => settled(item, context, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) copy[key] = settled(child, context, [...path, key]);
  return copy;
}

function bound(source: SecretSource, context: Parameters<typeof settle>[1], path: KeyPath): SecretSource {
  const { tree, directories, reader, references } = context;
  const { origin } = source;
  const absolute =
    'env' in origin
      ? origin
      : { ...origin, file: absolutePath(tree, [...path, 'file'], origin.file, directories) };
  const copy = new SecretSource(absolute);
  copy.bind(async (wanted) => (await reader(wanted)).value);
  references.push({ path, source: copy });
  return copy;
}

const MASTER_KEY = /^[A-Za-z0-9+/]{43}=$/;

/** Reads every reference once. What cannot be read is a fault each; offline, a warning. */
export async function resolveAll(
  references: readonly Reference[],
  reader: SecretReader,
  context: { readonly tree: Tree; readonly offline: boolean },
): Promise<{ readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] }> {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const readings = await Promise.all(references.map(({ source }) => attempt(reader, source)));
  for (const [index, { path }] of references.entries()) {
    const reading = readings[index];
    if (reading === undefined) continue;
    const place = placeOf(context.tree, path);
    if (typeof reading === 'string') {
      (context.offline ? warnings : faults).push(faultAt(place, path, { problem: reading }));
      continue;
    }
    if (reading.warning !== null) warnings.push(faultAt(place, path, { problem: reading.warning }));
    if (path[1] === 'encryptionKeys' && !MASTER_KEY.test(reading.value.reveal())) {
      const problem = 'does not hold a master key: 32 bytes in base64';
      faults.push(faultAt(place, path, { problem, hint: '`keywarden keygen` prints one' }));
    }
  }
  return { faults, warnings };
}

async function attempt(
  reader: SecretReader,
  source: SecretSource,
): Promise<Awaited<ReturnType<SecretReader>> | string> {
  try {
    return await reader(source.origin);
  } catch (error) {
    if (error instanceof KeywardenError) return error.message;
    return `${source.where} cannot be read`;
  }
}
