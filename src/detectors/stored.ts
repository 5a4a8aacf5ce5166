/*
 * Reading back what a detector kept. What does not have the expected form throws, and the watch starts afresh:
 * half a memory would page for nothing or stay silent for months.
 */

/** A value as JSON holds it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Whether something could not be read back because it is damaged: out of range is as good as of the wrong form. */
export function isDamage(error: unknown): error is TypeError | RangeError {
  return error instanceof TypeError || error instanceof RangeError;
}

function unexpected(expected: string): never {
  throw new TypeError(`the stored state of the watch is damaged: expected ${expected}`);
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : unexpected('a list');
}

export function record(value: Json | undefined): Readonly<Record<string, Json>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unexpected('an object');
  return value as Readonly<Record<string, Json>>;
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : unexpected('text');
}

export function textOrNull(value: Json | undefined): string | null {
  return value === null ? null : text(value);
}

export function number(value: Json | undefined): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : unexpected('a number');
}

export function numberOrNull(value: Json | undefined): number | null {
  return value === null ? null : number(value);
}

/** A list of numbers, of the given length where one is given. */
export function numbers(value: Json | undefined, length?: number): number[] {
  const found = list(value).map(number);
  return length === undefined || found.length === length ? found : unexpected(`${length} numbers`);
}
