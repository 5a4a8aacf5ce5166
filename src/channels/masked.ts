const REDACTED = '[redacted]';

/**
 * Keys and tokens that say what they are by their beginning, and what is left of them. No alert is made with one; but a
 * log shows what callers wrote, and callers write keys into user agents and paths.
 */
const SECRETS: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN [A-Z ]{1,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{1,40}PRIVATE KEY-----|$)/g, REDACTED],
  // The address of an incoming webhook is its secret.
  [/(hooks\.slack\.com\/[a-z]{1,20}\/)[A-Za-z0-9/_-]+/gi, `$1${REDACTED}`],
  [/\b(bearer\s{1,8})[A-Za-z0-9._~+/=-]{8,}/gi, `$1${REDACTED}`],
  [
    /((?:(?:ff|(?<![A-Za-z])[spr]k)_(?:live|test)|whsec|github_pat|gh[pousr])_)[A-Za-z0-9+/=_-]+/g,
    `$1${REDACTED}`,
  ],
  [/((?:xox[a-z]|glpat)-)[\w-]+/g, `$1${REDACTED}`],
  [/(\bhv[sbr]\.)[\w-]{8,}/g, `$1${REDACTED}`],
  [/(\bA[KS]IA)[A-Z0-9]{12,}/g, `$1${REDACTED}`],
  [/(\beyJ)[\w-]{8,}(?:\.[\w-]+){0,4}/g, `$1${REDACTED}`],
];

/** Channels fold repeats by it: it is what it is. Of names of the configuration and a hash. */
const KEPT: ReadonlySet<string> = new Set(['dedupKey']);

/** No channel shows as much of one text: what comes after that is cut, so that nobody can keep us busy with it. */
const LONGEST = 10_000;

/** Most texts hold none of these, and are looked at no further. */
const SUSPECT =
  /-----BEGIN|hooks\.slack|bearer|k_live_|k_test_|ff_live_|ff_test_|whsec_|github_pat_|gh[pousr]_|xox[a-z]-|glpat-|hv[sbr]\.|A[KS]IA|eyJ/i;

/**
 * A message as people may see it: nothing in its texts, names included, looks like a key or a token.
 *
 * @example masked({ userAgent: 'curl ff_live_8x9a2b' }) // { userAgent: 'curl ff_live_[redacted]' }
 */
export function masked<T>(value: T): T {
  return mask(value) as T;
}

function mask(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(mask);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [maskText(name), KEPT.has(name) ? inner : mask(inner)]),
  );
}

function maskText(text: string): string {
  const head = text.slice(0, LONGEST);
  if (!SUSPECT.test(head)) return head;
  return SECRETS.reduce((rest, [form, left]) => rest.replace(form, left), head);
}
