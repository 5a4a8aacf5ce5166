import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../config/discover.ts';
import { parseTime } from '../../providers/rfc3339.ts';
import { CommandError, EXIT } from '../exit.ts';

/** What a log holds, as somebody knows who planted or studied it. */
export type Label = {
  readonly episode: string;
  /** Any of these finds it. */
  readonly kinds: readonly string[];
  readonly keyId: string | null;
  readonly ips: ReadonlySet<string>;
  readonly from: number;
  readonly to: number;
  /** Looks like an attack and is none: nobody is to be disturbed. */
  readonly benign: boolean;
};

const EXPECTED =
  '{"episode": "…", "kinds": ["…"], "keyId": "…" or null, "ips": ["…"], "from": "2026-10-01T09:00:00Z", "to": "…", "benign": false}';

/**
 * Reads labels: one object a line.
 *
 * @throws {CommandError} `failed` where the file cannot be read, `usage` for a line that is no label
 */
export async function readLabels(file: string): Promise<readonly Label[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(EXIT.failed, `--labels: ${file} cannot be read: ${reasonOf(error)}`);
  });
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const label = parse(line);
    if (label !== null) return [label];
    throw new CommandError(EXIT.usage, `--labels: ${file}:${index + 1} is no label; expected ${EXPECTED}`);
  });
}

function parse(line: string): Label | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { episode, kinds, keyId = null, ips, benign = false, ...rest } = value as Record<string, unknown>;
  const [from, to] = [timeOf(rest.from), timeOf(rest.to)];
  if (typeof episode !== 'string' || !isTexts(kinds) || !isTexts(ips) || typeof benign !== 'boolean')
    return null;
  if ((keyId !== null && typeof keyId !== 'string') || from === null || to === null || to < from) return null;
  return { episode, kinds, keyId, ips: new Set(ips), from, to, benign };
}

/** RFC 3339, or milliseconds. */
function timeOf(value: unknown): number | null {
  if (typeof value === 'string') return parseTime(value);
  return Number.isSafeInteger(value) ? Number(value) : null;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
