import type { Secret } from '../../model/index.ts';

/** A StockFlow key. The page states the prefixes alone: what follows them is left as wide as a header safely takes. */
const KEY = /^sk_(live|test)_[A-Za-z0-9_-]{6,200}$/;

/** What a key is good for; null where the value is no StockFlow key. */
function kindOf(key: Secret): string | null {
  return KEY.exec(key.reveal())?.[1] ?? null;
}

/** Why the value cannot be a StockFlow key, or null. Never quotes it. */
export function malformed(key: Secret): string | null {
  if (kindOf(key) !== null) return null;
  return 'a StockFlow key is sk_live_ or sk_test_ followed by at least 6 letters, digits, "_" or "-"; this value is something else';
}

/** Why `next` may not follow `current`: a test key in the place of a live one would take the application offline. */
export function mismatch(current: Secret, next: Secret): string | null {
  const [was, is] = [kindOf(current), kindOf(next)];
  if (was === null || is === null || was === is) return null;
  return `this is a ${is} key (sk_${is}_…), and the credential holds a ${was} key (sk_${was}_…): the one never takes the place of the other; make a ${was} key, or a credential of its own for this one`;
}
