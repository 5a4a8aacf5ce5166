import { request as plain } from 'node:http';
import { request as secure } from 'node:https';

/** How the person behind the browser decides. */
export type Consenting = {
  /** Who it is at the provider. */
  readonly subject?: string;
  readonly deny?: boolean;
  /** Grants these of the scopes that are asked for; absent: all. */
  readonly scopes?: readonly string[];
};

/** The header by which the tests' authorization server knows how the person decides. */
export const CONSENTING = 'x-consenting';

const MOST_STEPS = 10;

/**
 * Goes to an authorize URL as a browser does, with cookies and redirects, until the server sends it elsewhere: to the
 * redirect URI, which is not called. Gives the address there, with its query. `ca`: PEM, trusted over TLS.
 *
 * @throws {Error} where the server shows a page instead: the page's status and text
 */
export async function consent(
  authorizeUrl: string,
  decision: Consenting = {},
  { ca }: { readonly ca?: string } = {},
): Promise<URL> {
  const home = new URL(authorizeUrl).origin;
  const cookies = new Map<string, string>();
  let at = new URL(authorizeUrl);
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const { status, location, set, text } = await visit(at, cookies, decision, ca);
    for (const cookie of set) {
      const [pair = ''] = cookie.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    if (location === undefined) throw new Error(`${at.pathname} shows a page (${status}): ${text}`);
    at = new URL(location, at);
    if (at.origin !== home) return at;
  }
  throw new Error(`no end after ${MOST_STEPS} redirects, at ${at.pathname}`);
}

type Page = {
  readonly status: number;
  readonly location: string | undefined;
  readonly set: readonly string[];
  readonly text: string;
};

function visit(
  url: URL,
  cookies: ReadonlyMap<string, string>,
  decision: Consenting,
  ca: string | undefined,
): Promise<Page> {
  const headers = {
    cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; '),
    [CONSENTING]: JSON.stringify(decision),
  };
  const open = url.protocol === 'https:' ? secure : plain;
  return new Promise((resolve, reject) => {
    const outgoing = open(url, { headers, ...(ca === undefined ? {} : { ca }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          set: response.headers['set-cookie'] ?? [],
          text: Buffer.concat(chunks).toString('utf8').slice(0, 2_000),
        }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
