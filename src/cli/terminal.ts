import { styleText } from 'node:util';

/** Prints to standard output; a line end is added. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints to standard error: everything that is not the answer. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export type Paint = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

/** Colour on a terminal only, and never where NO_COLOR is set. */
export function paint(how: Paint, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  // Node's own check obeys FORCE_COLOR even where the output is a file; a colour there is of no use to anybody.
  return stream.isTTY === true && !process.env.NO_COLOR ? styleText(how, text, { stream }) : text;
}

/** Control characters, line separators, and the marks that turn the direction of text around on a terminal. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text from elsewhere (a log, a provider) as a terminal may have it: it cannot move the cursor or hide a line. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
