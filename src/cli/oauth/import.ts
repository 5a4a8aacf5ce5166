import { createReadStream } from 'node:fs';
import { SECOND } from '../../model/index.ts';
import type { Client } from '../client.ts';
import { CommandError, EXIT } from '../exit.ts';
import { print, printable, printJson, tell } from '../terminal.ts';
import { linesOf } from './lines.ts';
import { oauthPath } from './paths.ts';

/** So much is sent at once: the daemon takes a thousand grants. Bytes, and grants. */
const BATCH = { bytes: 1024 * 1024, grants: 1_000 };

/** No line that is meant is longer, bytes: subject and token have their limits. */
const LONGEST_LINE = 64 * 1024;

const DEADLINE = 60 * SECOND;

/** So many faulty lines are told one by one. */
const TOLD = 50;

type Entry = { readonly number: number; readonly grant: Readonly<Record<string, unknown>> };
type Answer = {
  readonly taken: number;
  readonly known: number;
  readonly refused: ReadonlyArray<{ readonly index: number; readonly detail: string }>;
};

/**
 * Hands over the grants of a file of NDJSON, or of standard input (`-`), some at a time. Faulty lines are told by their
 * number, never with what stands in them, and the others move in.
 */
export async function importGrants(
  daemon: Client,
  client: string,
  file: string,
  json: boolean,
): Promise<number> {
  const run = new Run(daemon, client);
  try {
    for await (const { number, text } of linesOf(chunksOf(file), LONGEST_LINE)) {
      const entry = text === null ? 'it is longer than 64 KB' : read(text);
      if (typeof entry === 'string') run.refuse(number, entry);
      else if (entry !== null) await run.add({ number, grant: entry }, text?.length ?? 0);
    }
    await run.send();
  } catch (error) {
    run.clear();
    throw interrupted(error, file, run);
  }
  run.clear();
  const { taken, known, refused } = run;
  if (json) printJson({ taken, known, refused });
  else print(`${taken} taken over, ${known} were there already, ${refused} refused`);
  if (refused > TOLD && !json) tell(`Only the first ${TOLD} faulty lines were told.`);
  return refused === 0 ? EXIT.done : EXIT.failed;
}

function chunksOf(file: string): AsyncIterable<Buffer> {
  return file === '-' ? process.stdin : createReadStream(file);
}

/** The object on a line, null for a blank one, or what is wrong with it. */
function read(text: string): Readonly<Record<string, unknown>> | string | null {
  if (text.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Its message would quote the line.
    return 'it is not valid JSON';
  }
  return 'it is no JSON object';
}

function interrupted(error: unknown, file: string, { line }: Run): unknown {
  if (error instanceof CommandError) {
    return new CommandError(
      error.exit,
      `${error.message}; everything up to line ${line} was handed over: run the same command again, and what is there is skipped`,
    );
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : null;
  return code === null
    ? error
    : new CommandError(EXIT.usage, `${file} cannot be read (${code}); check the name and the rights to it`);
}

/** One run over a file: what waits to be sent, and what came of it so far. */
class Run {
  readonly #daemon: Client;
  readonly #client: string;
  #waiting: Entry[] = [];
  #bytes = 0;
  readonly #subjects = new Set<unknown>();
  taken = 0;
  known = 0;
  refused = 0;
  /** The last line that was handed over. */
  line = 0;

  constructor(daemon: Client, client: string) {
    this.#daemon = daemon;
    this.#client = client;
  }

  async add(entry: Entry, bytes: number): Promise<void> {
    const { subject } = entry.grant;
    // Twice in one request would be a fault; in the next one it is there already.
    if (
      this.#subjects.has(subject) ||
      this.#waiting.length === BATCH.grants ||
      this.#bytes + bytes > BATCH.bytes
    )
      await this.send();
    this.#waiting.push(entry);
    this.#subjects.add(subject);
    this.#bytes += bytes;
  }

  refuse(number: number, why: string): void {
    this.refused += 1;
    if (this.refused > TOLD) return;
    this.clear();
    tell(`line ${number}: ${printable(why)}`);
  }

  async send(): Promise<void> {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    const body = { grants: entries.map(({ grant }) => grant) };
    const path = oauthPath(this.#client, 'imports');
    const answer = await this.#daemon.post<Answer>(path, { body, deadlineMs: DEADLINE });
    this.taken += answer.taken;
    this.known += answer.known;
    for (const { index, detail } of answer.refused) this.refuse(entries[index]?.number ?? 0, detail);
    this.line = entries.at(-1)?.number ?? this.line;
    [this.#waiting, this.#bytes] = [[], 0];
    this.#subjects.clear();
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2Kline ${this.line}: ${this.taken} taken over`);
  }

  /** Takes the progress off the terminal. */
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
  }
}
