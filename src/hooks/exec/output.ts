import { redact } from './redact.ts';

/** How much of a command's output is ever shown, in bytes. */
const SHOWN = 4 * 1024;
/** How much of each stream is held, in bytes: more than is shown, so that what is cut is cut after it was redacted. */
const HELD = 2 * SHOWN;

const QUOTED_LINES = 3;
const QUOTED_CHARACTERS = 500;

const ESCAPE_SEQUENCE = new RegExp(`${String.fromCharCode(27)}\\[[0-?]*[ -/]*[@-~]`, 'g');
/** Control and formatting characters (bidirectional overrides) and separators, which could hide a token's form. */
const UNSEEN = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The end of what a stream said. */
export class Tail {
  #held = Buffer.alloc(0);
  #cut = false;

  add(chunk: Uint8Array): void {
    const all = Buffer.concat([this.#held, chunk.subarray(-HELD)]);
    this.#cut ||= this.#held.length + chunk.length > HELD;
    this.#held = all.subarray(-HELD);
  }

  /** Redacted. Where the beginning is lost, whole lines only: the rest of a line may be the rest of a secret. */
  text(): string {
    const whole = this.#cut ? this.#held.subarray(this.#afterFirstBreak()) : this.#held;
    const plain = whole
      .toString('utf8')
      .replace(/\r\n?/g, '\n')
      .replace(ESCAPE_SEQUENCE, '')
      .replace(UNSEEN, '');
    return redact(plain).trim();
  }

  #afterFirstBreak(): number {
    const at = this.#held.indexOf('\n');
    return at < 0 ? this.#held.length : at + 1;
  }
}

/** What a command said, redacted. */
export type Output = {
  /** Standard output, then standard error: the last 4 KB. */
  readonly whole: string;
  /** The last lines of standard error, else of standard output, as one line of at most 500 characters; '' for none. */
  readonly lastLines: string;
};

export function outputOf(stdout: Tail, stderr: Tail): Output {
  const [out, err] = [stdout.text(), stderr.text()];
  const joined = [out, err].filter((text) => text !== '').join('\n');
  return { whole: lastBytes(joined, SHOWN), lastLines: lastLines(err === '' ? out : err) };
}

function lastBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  // A character of several bytes may have been cut.
  return bytes
    .subarray(-most)
    .toString('utf8')
    .replace(/^\ufffd+/, '');
}

function lastLines(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
  const quoted = lines.slice(-QUOTED_LINES).join(' | ');
  return quoted.length > QUOTED_CHARACTERS ? `…${quoted.slice(1 - QUOTED_CHARACTERS)}` : quoted;
}
