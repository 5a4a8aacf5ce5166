import { StringDecoder } from 'node:string_decoder';
import type { LogEvent } from '../../model/index.ts';
import { parseLogEvent } from '../../providers/frameflow/log-event.ts';
import { BEHIND } from './replay.ts';
import { bytesOf, called } from './source.ts';

/** No event is longer, in characters; what is, is not kept in memory. */
const LONGEST_LINE = 1024 * 1024;

/** So many places of lines are told. */
const TOLD = 5;

/** Lines of which something is to be told: how many, and where the first ones stand, as `file:line`. */
export class Places {
  count = 0;
  readonly first: string[] = [];

  add(file: string, line: number): void {
    this.count += 1;
    if (this.first.length < TOLD) this.first.push(`${called(file)}:${line}`);
  }
}

/** The events of files in NDJSON, read in the order given as one log, with what was seen of them so far. */
export class LogFiles {
  readonly #files: readonly string[];
  readonly #key: string | null | undefined;
  /** As they lie on disk. */
  bytes = 0;
  events = 0;
  eventsOnKey = 0;
  /** The times of the earliest and the latest event; null before the first. */
  from: number | null = null;
  to: number | null = null;
  /** Lines that are no JSON, or no event; blank ones aside. */
  readonly unreadable = new Places();
  /** Events that stand further behind than a log's are: it is not in its order. */
  readonly disordered = new Places();

  /** @param key whose events are counted apart; null: those without a key */
  constructor(files: readonly string[], key?: string | null) {
    this.#files = files;
    this.#key = key;
  }

  /** @throws {CommandError} `failed` where a file cannot be read */
  async *pages(): AsyncGenerator<readonly LogEvent[]> {
    for (const file of this.#files) {
      let line = 0;
      for await (const texts of linesOf(bytesOf(file, (bytes) => this.#count(bytes)))) {
        const events: LogEvent[] = [];
        for (const text of texts) {
          line += 1;
          const event = this.#read(file, line, text);
          if (event !== null) events.push(event);
        }
        this.events += events.length;
        if (events.length > 0) yield events;
      }
    }
  }

  #count(bytes: number): void {
    this.bytes += bytes;
  }

  #read(file: string, line: number, text: string | null): LogEvent | null {
    const event = text === null ? null : parse(text);
    if (event === null) {
      if (text?.trim() !== '') this.unreadable.add(file, line);
      return null;
    }
    const { time, keyId } = event;
    if (keyId === this.#key) this.eventsOnKey += 1;
    if (this.to === null || time > this.to) this.to = time;
    else if (time < this.to - BEHIND) this.disordered.add(file, line);
    if (this.from === null || time < this.from) this.from = time;
    return event;
  }
}

function parse(text: string): LogEvent | null {
  try {
    return parseLogEvent(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The lines of a stream, as many at once as came at once. Null in place of one that is too long to be an event. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly (string | null)[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let tooLong = false;
  let first = true;
  for await (const chunk of chunks) {
    const lines: (string | null)[] = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (tooLong && lines.length > 0) {
      lines[0] = null;
      tooLong = false;
    }
    if (first && typeof lines[0] === 'string') {
      // A mark of byte order, as some editors write it.
      lines[0] = lines[0].replace(/^\ufeff/, '');
      first = false;
    }
    if (rest.length > LONGEST_LINE) {
      tooLong = true;
      rest = '';
    }
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (tooLong) yield [null];
  else if (rest !== '') yield [first ? rest.replace(/^\ufeff/, '') : rest];
}
