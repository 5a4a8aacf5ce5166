import type { Call } from './http.ts';

/** The fields of a form in a request's body (RFC 6749, appendix B); null where it is none. */
export function formIn(call: Call): URLSearchParams | null {
  const [type = ''] = (call.headers['content-type'] ?? '').split(';');
  if (call.tooLarge || type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return null;
  return new URLSearchParams(call.body.toString('utf8'));
}

/** A parameter without a value counts as one that was not sent (RFC 6749, 3.1). */
export function parameter(parameters: URLSearchParams, name: string): string | null {
  return parameters.get(name) || null;
}

/** The first of `names` that was sent more than once, which no request may do (RFC 6749, 3.1); null: none. */
export function repeated(parameters: URLSearchParams, names: readonly string[]): string | null {
  return names.find((name) => parameters.getAll(name).length > 1) ?? null;
}

/** Scopes as FrameFlow's page writes them, with commas, or as RFC 6749 does, with spaces; each once. */
export function scopesIn(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,]+/).filter((scope) => scope !== ''))];
}
