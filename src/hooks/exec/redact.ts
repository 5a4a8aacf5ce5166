const REDACTED = '[redacted]';

/**
 * What may hold a secret, by its form, and what is left of it. In this order: a later rule sees what the earlier left.
 * Lengths are bounded where else a hostile output could keep the daemon busy.
 */
const RULES: ReadonlyArray<readonly [RegExp, string]> = [
  // Private keys and certificates, also those that the output ends or begins within.
  [/-----BEGIN [^-\n]+-----[\s\S]*?(?:-----END [^-\n]+-----|$)/g, REDACTED],
  [/[A-Za-z0-9+/=]{0,76}\s?-----END [^-\n]+-----/g, REDACTED],
  // User and password of an address.
  [/(:\/\/)[^\s"'<>]{0,512}@/g, `$1${REDACTED}@`],
  // Headers, to the end of their line.
  [
    /((?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|secret|signature))["']?\s*[:=]).*/gi,
    `$1 ${REDACTED}`,
  ],
  [/\b(bearer\s+)[^\s"',;]+/gi, `$1${REDACTED}`],
  [/\b(basic\s+)[A-Za-z0-9+/]{6,}={0,2}/gi, `$1${REDACTED}`],
  // `DB_PASSWORD=…`, `"apiKey": "…"`, `secret_token => …`
  [
    /(?<![\w.-])([\w.-]{0,128}(?:pass(?:wor[dt]|wd|phrase)?s?(?![a-z])|pwd|secret|token|(?:api|access|private|signing|auth)[_-]?key)[\w.-]{0,64}["']?\s{0,8}(?:=>|[:=])\s*)(?:"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[^\s,;&]+)/gi,
    `$1${REDACTED}`,
  ],
  [/([?&](?:key|sig|signature|code)=)[^\s&#"']+/gi, `$1${REDACTED}`],
  [/(--[\w-]{0,64}(?:password|passphrase|secret|token|api-?key)[\w-]{0,64}\s+)\S+/gi, `$1${REDACTED}`],
  // Keys and tokens that say what they are by their beginning.
  [
    /(?:(?:ff|sk|pk|rk)_(?:live|test)_|(?<![A-Za-z])[a-z]{2}_(?:live|test)_|whsec_|xox[a-z]-|(?<![A-Za-z])gh[a-z]_|github_pat_|glpat-|hv[sbr]\.|(?<![A-Z])A[KS]IA(?=[A-Z0-9]{8})|eyJ(?=[\w-]{8}))[^\s"'`,;()<>&]*/g,
    REDACTED,
  ],
];

/** A word of the characters of hexadecimal, base64 and base64url. */
const RUN = /[A-Za-z0-9_+/=-]{20,}/g;

/**
 * `text` without anything that looks like a secret: keys and tokens by their known beginnings, passwords by the name
 * before them, credentials in addresses and headers, private keys, and long words that mix letters and digits.
 * Errs on the side of silence: a digest or an identifier goes too.
 *
 * @example redact('PASSWORD=hunter2 in /etc/app/env') // 'PASSWORD=[redacted] in /etc/app/env'
 */
export function redact(text: string): string {
  const known = RULES.reduce((rest, [form, left]) => rest.replace(form, left), text);
  return known.replace(RUN, (run) => (isRandom(run) ? REDACTED : run));
}

/** Base64 has a "/" now and then, and paths have many: their parts count, and a whole run where it is no row of words. */
function isRandom(run: string): boolean {
  const mixed = /[A-Z]/.test(run) && /[a-z]/.test(run) && (/\d/.test(run) || isScrambled(run));
  const long = run.length >= (run.startsWith('/') ? 32 : 20);
  return (mixed && long) || run.split('/').some((part) => part.length >= 20 && isToken(part));
}

function isToken(word: string): boolean {
  return /\d/.test(word) ? /[A-Za-z]/.test(word) : isScrambled(word);
}

/** Both cases, and not as in a name of several words: a small letter stands alone. */
function isScrambled(text: string): boolean {
  return /[A-Z]/.test(text) && /(?<![a-z])[a-z](?![a-z])/.test(text);
}
