import { KeywardenError } from '../model/index.ts';
import { looksSecret } from './quote.ts';

/** Where something stands in a configuration file. Lines and columns count from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };

/** A key's way through the file: names of mappings, indexes of lists. */
export type KeyPath = ReadonlyArray<string | number>;

/** One thing that is wrong, or to be known of, in the configuration. Never holds a secret. */
export type Fault = Place & {
  /** `credentials.frameflow-prod.publish[0].path`; empty where the whole file is meant. */
  readonly keyPath: string;
  /** The whole verdict in one line. */
  readonly problem: string;
  readonly expected: string | null;
  /** What stood there, described; a value in the place of a secret only by its type. */
  readonly found: string | null;
  /** What to do about it. */
  readonly hint: string | null;
};

/** What is said of a fault besides its place. */
export type Verdict = {
  /** Default: composed of `expected` and `found`. */
  readonly problem?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly hint?: string | null;
};

/** A fault at `place`; see {@link Fault}. */
export function faultAt(place: Place, path: KeyPath, verdict: Verdict): Fault {
  const { expected = null, found = null, hint = null } = verdict;
  const composed = found === null ? `expected ${expected}` : `expected ${expected}, found ${found}`;
  return {
    file: place.file,
    line: place.line,
    column: place.column,
    keyPath: keyPathText(path),
    problem: verdict.problem ?? composed,
    expected,
    found,
    hint,
  };
}

/** `publish[0].path`; a name that holds a dot stands in quotes. */
export function keyPathText(path: KeyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += (text === '' ? '' : '.') + nameText(part);
  }
  return text;
}

function nameText(name: string): string {
  if (looksSecret(name)) return '"…"';
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
}

/** One fault as a line for a person: place, key path, what is wrong, what to do. */
export function renderFault(fault: Fault): string {
  const key = fault.keyPath === '' ? '' : `${fault.keyPath}  `;
  const hint = fault.hint === null ? '' : `; ${fault.hint}`;
  return `${fault.file}:${fault.line}:${fault.column}  ${key}${fault.problem}${hint}`;
}

/** The configuration cannot be used. The message shows every fault, a line each. Code `config_invalid`. */
export class ConfigError extends KeywardenError {
  readonly faults: readonly Fault[];
  /** Parts of the surface that this version refuses; `faults` without them. */
  readonly unsupported: readonly Fault[];

  constructor(faults: readonly Fault[], unsupported: readonly Fault[] = []) {
    const all = [...faults, ...unsupported];
    const head =
      all.length === 1 ? 'the configuration has a fault' : `the configuration has ${all.length} faults`;
    super('config_invalid', [`${head}:`, ...all.map(renderFault)].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
    this.unsupported = unsupported;
  }
}
