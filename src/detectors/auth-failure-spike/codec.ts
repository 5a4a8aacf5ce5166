/*
 * Small numbers as text: what is noted of a hundred thousand keys is read and written with each of them. The characters
 * are those of ASCII that JSON leaves as they are.
 */

const FIRST = 35;
const BASE = 91;
/** Digits below it stand for themselves; those above begin a number of two digits, the last one a number of five. */
const PLAIN = 80;
const LONG = BASE - 1;
const TWO = PLAIN + (LONG - PLAIN) * BASE;

/** One digit below 91; `\` is left out, since JSON would escape it. */
function digit(value: number): string {
  const code = FIRST + value;
  return String.fromCharCode(code >= 92 ? code + 1 : code);
}

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const value = (code > 92 ? code - 1 : code) - FIRST;
  if (!(value >= 0 && value < BASE) || code === 92) throw new TypeError('the stored counts are damaged');
  return value;
}

/** Writes whole numbers, small ones in one character. At most 91⁴ - 1. */
export function pack(values: Iterable<number>): string {
  let packed = '';
  for (const value of values) {
    if (value < PLAIN) packed += digit(value);
    else if (value < TWO)
      packed += digit(PLAIN + Math.floor((value - PLAIN) / BASE)) + digit((value - PLAIN) % BASE);
    else {
      packed += digit(LONG);
      for (let power = BASE ** 3; power >= 1; power /= BASE)
        packed += digit(Math.floor(value / power) % BASE);
    }
  }
  return packed;
}

/** Reads what {@link pack} wrote. @throws {TypeError} where the text is damaged */
export function unpack(packed: string): number[] {
  const values: number[] = [];
  for (let at = 0; at < packed.length; at += 1) {
    const head = digitAt(packed, at);
    if (head < PLAIN) values.push(head);
    else if (head < LONG) values.push(PLAIN + (head - PLAIN) * BASE + digitAt(packed, ++at));
    else {
      let value = 0;
      for (let left = 4; left > 0; left -= 1) value = value * BASE + digitAt(packed, ++at);
      values.push(value);
    }
  }
  return values;
}

/** Levels of the scale: 0, and from 1e-5 to 1e7 in steps of a third of a percent. */
const LEVELS = BASE ** 2;
const LOWEST = 1e-5;
const STEP = Math.log(1e12) / (LEVELS - 2);

/** The level of the scale nearest to a positive number; 0 for what is below it. */
export function levelOf(value: number): number {
  if (value < LOWEST) return 0;
  return Math.min(LEVELS - 1, 1 + Math.round(Math.log(value / LOWEST) / STEP));
}

const SCALE = Float64Array.from({ length: LEVELS }, (_, level) =>
  level === 0 ? 0 : LOWEST * Math.exp((level - 1) * STEP),
);

/** What a level stands for. */
export const atLevel = (level: number): number => SCALE[level] ?? 0;

/** Two characters a level. */
export function packLevels(levels: Iterable<number>): string {
  let packed = '';
  for (const level of levels) packed += digit(Math.floor(level / BASE)) + digit(level % BASE);
  return packed;
}

/** Reads what {@link packLevels} wrote. @throws {TypeError} where it is not `length` levels */
export function unpackLevels(packed: string, length: number): Uint16Array {
  if (packed.length !== 2 * length) throw new TypeError(`the stored levels are damaged: expected ${length}`);
  return Uint16Array.from(
    { length },
    (_, index) => digitAt(packed, 2 * index) * BASE + digitAt(packed, 2 * index + 1),
  );
}
