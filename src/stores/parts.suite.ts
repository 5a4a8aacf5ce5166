import { createHash, createHmac, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, expect } from 'vitest';
import { EdgeError, type Hash, type Log, type Mark } from '../model/index.ts';

/** A log that keeps its lines, in every form in which a field could become text. */
export function memoryLog(): { readonly log: Log; text(): string } {
  const lines: string[] = [];
  const make = (bound: object): Log => {
    const write = (fields: object, message: string) => {
      const all = { ...bound, ...fields };
      lines.push(message, inspect(all, { depth: 12, showHidden: true }), JSON.stringify(all));
    };
    return {
      debug: write,
      info: write,
      warn: write,
      error: write,
      child: (fields) => make({ ...bound, ...fields }),
    };
  };
  return { log: make({}), text: () => lines.join('\n') };
}

/** The hashes that a plug-in is given, with a fixed key. */
export const testHash: Hash = {
  fingerprint: (value) => createHmac('sha256', 'test').update(value.bytes()).digest('hex').slice(0, 12),
  digest: (...parts) => digest(parts).toString('hex'),
  unit: (...parts) => digest(parts).readUInt32BE() / 2 ** 32,
};

function digest(parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest();
}

/** A mark as the engine makes it. */
export function markOf(number: number, fields: Partial<Mark> = {}): Mark {
  return {
    installation: 'footage/production',
    credential: 'frameflow-prod',
    number,
    versionId: randomUUID(),
    keyId: `key_${number}`,
    createdAt: Date.UTC(2026, 9, 1, 9, 0, number),
    ...fields,
  };
}

/** What `action` threw; fails where it threw nothing, or something that is no EdgeError. */
export async function edgeErrorOf(action: Promise<unknown>): Promise<EdgeError> {
  const thrown = await action.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(EdgeError);
  return thrown as EdgeError;
}

/** Every form in which `error` and its causes could be printed. */
export function printed(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && parts.length < 40; ) {
    parts.push(inspect(at, { depth: 12, showHidden: true }), JSON.stringify(at) ?? '');
    if (!(at instanceof Error)) break;
    parts.push(at.message, at.stack ?? '', JSON.stringify(Object.getOwnPropertyDescriptors(at)));
    at = at.cause;
  }
  return parts.join('\n');
}

/** Fails where `text` holds one of `secrets`, plain or encoded as a wire would carry it. */
export function expectNoSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    expect(forms.filter((form) => text.includes(form)).length, 'a planted secret shows').toBe(0);
  }
}

type Ending = { readonly store: { close(): Promise<void> }; end(): Promise<void> };

/**
 * Ends after each test what was begun in it.
 *
 * @example
 * const ending = endingEach();
 * const start = async () => { const world = await startVaultWorld(); ending(world); return world; };
 */
export function endingEach(): (world: Ending) => void {
  const open: Ending[] = [];
  afterEach(async () => {
    for (const world of open.splice(0)) {
      await world.store.close();
      await world.end();
    }
  });
  return (world) => open.push(world);
}
