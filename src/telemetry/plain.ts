import { Secret } from '../model/index.ts';

const DEPTH = 8;
const ITEMS = 100;
const CHARACTERS = 8_192;

/**
 * `fields` as data that is safe to print: built from what is known to be harmless, not by leaving out what is known
 * to leak. A Secret becomes "[redacted]", an error its name, code and message (what else a vendor's client hangs on its
 * errors, requests with their headers above all, is left out, causes too), bytes their length, any other object that is
 * no plain record the name of its class.
 */
export function plainFields(fields: object): Record<string, unknown> {
  return record(fields, 0, new Set());
}

function plain(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  switch (typeof value) {
    case 'string':
      return clipped(value);
    case 'bigint':
      return value.toString();
    case 'function':
    case 'symbol':
      return undefined;
    case 'object':
      return value === null ? null : plainObject(value, depth, above);
    default:
      return value;
  }
}

function plainObject(value: object, depth: number, above: ReadonlySet<object>): unknown {
  if (value instanceof Secret) return value.toJSON();
  if (value instanceof Error) return plainError(value);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (above.has(value)) return '[circular]';
  if (depth >= DEPTH) return '[too deep]';
  if (Array.isArray(value)) {
    const items = value.slice(0, ITEMS).map((item) => plain(item, depth + 1, new Set([...above, value])));
    return value.length > ITEMS ? [...items, `[${value.length - ITEMS} more]`] : items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return record(value, depth, above);
  return `[${value.constructor?.name ?? 'object'}]`;
}

function record(value: object, depth: number, above: ReadonlySet<object>): Record<string, unknown> {
  const entries = Object.entries(value).map(
    ([key, item]) => [key, plain(item, depth + 1, new Set([...above, value]))] as const,
  );
  return Object.fromEntries(entries);
}

function plainError(error: Error): Record<string, unknown> {
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: clipped(String(error.message)),
  };
}

function clipped(text: string): string {
  return text.length > CHARACTERS ? `${text.slice(0, CHARACTERS)}… [${text.length} characters]` : text;
}
