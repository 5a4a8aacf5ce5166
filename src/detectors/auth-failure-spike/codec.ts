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

/** No digit: so many noughts as the digit after it says. */
const NOUGHTS = '!';

/** Two characters a level, and for noughts in a row. */
export function packLevels(levels: Iterable<number>): string {
  let packed = '';
  let noughts = 0;
  const flush = () => {
    if (noughts > 0) packed += NOUGHTS + digit(noughts);
    noughts = 0;
  };
  for (const level of levels) {
    if (level > 0 || noughts === BASE - 1) flush();
    if (level === 0) noughts += 1;
    else packed += digit(Math.floor(level / BASE)) + digit(level % BASE);
  }
  flush();
  return packed;
}

/** Reads what {@link packLevels} wrote. @throws {TypeError} where it is not `length` levels */
export function unpackLevels(packed: string, length: number): Uint16Array {
  const levels = new Uint16Array(length);
  let index = 0;
  for (let at = 0; at < packed.length; at += 2) {
    const noughts = packed.charAt(at) === NOUGHTS;
    const low = digitAt(packed, at + 1);
    if (index < length && !noughts) levels[index] = digitAt(packed, at) * BASE + low;
    index += noughts ? low : 1;
  }
  if (index !== length) throw new TypeError(`the stored levels are damaged: expected ${length}`);
  return levels;
}

const SINGLE = new Float32Array(1);
const BITS = new Uint32Array(SINGLE.buffer);

/** Numbers of single precision, each as it is: a nought is one character, any other five. */
export function packSingles(values: Iterable<number>): string {
  let packed = '';
  for (const value of values) {
    if (value === 0) {
      packed += NOUGHTS;
      continue;
    }
    SINGLE[0] = value;
    let bits = BITS[0] ?? 0;
    for (let left = 5; left > 0; left -= 1) {
      packed += digit(bits % BASE);
      bits = Math.floor(bits / BASE);
    }
  }
  return packed;
}

/** Reads what {@link packSingles} wrote. @throws {TypeError} where it is not `length` numbers */
export function unpackSingles(packed: string, length: number): number[] {
  const values: number[] = [];
  for (let at = 0; at < packed.length; ) {
    if (packed.charAt(at) === NOUGHTS) {
      values.push(0);
      at += 1;
      continue;
    }
    let bits = 0;
    for (let left = 4; left >= 0; left -= 1) bits = bits * BASE + digitAt(packed, at + left);
    BITS[0] = bits;
    values.push(SINGLE[0] ?? 0);
    at += 5;
  }
  if (values.length === length && values.every(Number.isFinite)) return values;
  throw new TypeError(`the stored sums are damaged: expected ${length}`);
}
