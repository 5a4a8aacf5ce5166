import { once } from 'node:events';
import { Writable } from 'node:stream';
import { CommandError, EXIT } from './exit.ts';
import { tell } from './terminal.ts';

/** The API takes no longer value. */
const LONGEST = 16_384;

/** After this long without a byte a person is told what is waited for, ms. */
const HINT_AFTER = 2_000;

/**
 * A key on standard input that is no terminal; a line end after it is not part of it.
 * @param hint what else one can do, told where nothing comes
 * @throws {CommandError} `usage` where it is longer than any key
 */
export async function readKey(hint: string): Promise<string> {
  const waiting = setTimeout(() => tell(`reading the key from standard input${hint}`), HINT_AFTER);
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST)
        throw new CommandError(EXIT.usage, 'standard input is longer than any key (16 KB)');
    }
    return Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  } finally {
    clearTimeout(waiting);
  }
}

/** One line that a person types or pastes on the terminal and that is not shown there. */
export function askHidden(question: string): Promise<string> {
  return ask(question, new Writable({ write: (_chunk, _encoding, done) => done() }), true);
}

/** True where a person answers yes. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `, process.stderr, false)).trim());
}

/** @throws {CommandError} `failed` where the person leaves instead */
async function ask(question: string, echo: Writable, hidden: boolean): Promise<string> {
  const { createInterface } = await import('node:readline');
  const terminal = createInterface({ input: process.stdin, output: echo, terminal: true });
  if (hidden) process.stderr.write(question);
  terminal.setPrompt(hidden ? '' : question);
  terminal.prompt();
  try {
    const [answer] = await Promise.race([once(terminal, 'line'), once(terminal, 'close')]);
    if (hidden || answer === undefined) process.stderr.write('\n');
    if (typeof answer === 'string') return answer;
    throw new CommandError(EXIT.failed, 'ended without an answer; nothing was done');
  } finally {
    terminal.close();
  }
}
