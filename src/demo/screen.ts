import { type Paint, paint, printable } from '../cli/terminal.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { wrapped } from './messages.ts';

/** Widths of the timeline's columns. */
const MOMENT = 9;
const LABEL = 11;
/** Width of the names outside it. */
const ROW = 12;
/** Lines on anything but a terminal, and the longest that anybody likes to read on one. */
const WIDTH = 110;

/**
 * Where the demonstration is told: a timeline, and on a terminal a last line that is always up to date.
 *
 * @example
 * screen.tell(now, 'overlap', 'key_1 and key_2 both work until day 5.1');
 * // day   2.1  overlap     key_1 and key_2 both work until day 5.1
 */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #start: number;
  readonly #slow: boolean;
  #status = '';

  /**
   * @param start when the demonstration began, by its clock
   * @param speed virtual seconds a second
   */
  constructor(out: NodeJS.WriteStream, start: number, speed: number) {
    this.#out = out;
    this.#start = start;
    this.#slow = speed < HOUR / SECOND;
  }

  get isTerminal(): boolean {
    return this.#out.isTTY === true;
  }

  /** How far the demonstration was: `day 5.2`, or `0:03:07` on a slow clock. */
  moment(at: number): string {
    const passed = at - this.#start;
    if (!this.#slow) return `day ${(passed / DAY).toFixed(1)}`;
    const part = (unit: number, base: number) => String(Math.floor(passed / unit) % base).padStart(2, '0');
    return `${Math.floor(passed / HOUR)}:${part(MINUTE, 60)}:${part(SECOND, 60)}`;
  }

  paint(how: Paint, text: string): string {
    return paint(how, text, this.#out);
  }

  /** A line outside the timeline. */
  print(text = ''): void {
    this.#write(`${text}\n`);
  }

  /** A fact outside the timeline, under a name; the empty name goes on with the one above. */
  row(name: string, text: string): void {
    const [first = '', ...rest] = wrapped(text, this.#width - ROW - 3);
    this.print(`  ${this.paint('bold', name.padEnd(ROW))} ${first}`);
    for (const line of rest) this.print(`${' '.repeat(ROW + 3)}${line}`);
  }

  /** A point of the timeline; a text too long goes on below itself. */
  tell(at: number, label: string, text: string, how: Paint | null = null): void {
    const when = this.moment(at).padStart(MOMENT);
    const [first = '', ...rest] = wrapped(printable(text), this.#width - when.length - LABEL - 3);
    const painted = (part: string) => (how === null ? part : this.paint(how, part));
    const indent = ' '.repeat(when.length + LABEL + 3);
    this.#write(
      `${this.paint('dim', when)}  ${painted(label.padEnd(LABEL))} ${painted(first)}\n${rest
        .map((line) => `${indent}${painted(line)}\n`)
        .join('')}`,
    );
  }

  /** A message as somebody received it; the first paragraph is its headline. */
  quote(at: number, label: string, [headline = '', ...paragraphs]: readonly string[], how: Paint): void {
    this.tell(at, label, headline, how);
    const bar = `${' '.repeat(MOMENT + 2)}${this.paint(how, '│')} `;
    const lines = paragraphs.flatMap((paragraph) => wrapped(printable(paragraph), this.#width - MOMENT - 4));
    this.#write(lines.map((line) => `${bar}${line}\n`).join(''));
  }

  /** The last line; nothing where the output is no terminal. */
  status(text: string): void {
    if (!this.isTerminal) return;
    this.#status = text.slice(0, (this.#out.columns ?? WIDTH) - 1);
    this.#write('');
  }

  /** No more last line. */
  end(): void {
    this.status('');
  }

  get #width(): number {
    return this.isTerminal ? Math.max(60, Math.min(WIDTH, this.#out.columns ?? WIDTH)) : WIDTH;
  }

  #write(text: string): void {
    if (!this.isTerminal) this.#out.write(text);
    else this.#out.write(`\r\u001b[2K${text}${this.paint('dim', this.#status)}`);
  }
}
