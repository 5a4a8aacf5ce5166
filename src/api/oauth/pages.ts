import { createHash } from 'node:crypto';
import type { Answer } from '../router.ts';

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.5rem}';

/** Nothing is loaded, run, framed or sent from these pages; their one style sheet is known by its hash. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

/** What a person reads in the browser: a title, and paragraphs in plain text. */
export type Page = { readonly status: number; readonly title: string; readonly text: readonly string[] };

/** A page without scripts. All of `page` is escaped. */
export function pageAnswer(
  { status, title, text }: Page,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style>`;
  const body = [`<h1>${escaped(title)}</h1>`, ...text.map((each) => `<p>${escaped(each)}</p>`)].join('\n');
  return {
    status,
    headers: { ...HEADERS, ...headers },
    body: `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body>\n${body}\n</body></html>\n`,
  };
}

/** Sends the browser on. Where it came from, which has the code in it, is not told there. */
export function redirectAnswer(address: string): Answer {
  const location = /^[\x21-\x7e]+$/.test(address) ? address : new URL(address).href;
  return {
    status: 303,
    headers: { location, 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' },
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Marks that turn the direction of text around would let one text pass for another. */
const DECEPTIVE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function escaped(text: string): string {
  return text.replace(DECEPTIVE, '\ufffd').replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '');
}
