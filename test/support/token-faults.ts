import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Context } from 'oidc-provider';
import { bodyOf } from '../../src/net/testing/index.ts';

/** What a token endpoint's 200 holds. */
export type TokenBody = Readonly<Record<string, unknown>>;

/** How a request at the token endpoint fares instead of being answered as it should be. */
export type TokenFault =
  /** The connection is cut; nothing of the request was processed. */
  | 'cut'
  /** It is processed, and the connection cut in the place of the answer. */
  | 'drop'
  /** Answered so. `processed`: only after it had its effect. */
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly processed?: boolean;
    }
  /** Processed; the 200 is then rewritten. See {@link MALFORMED}. */
  | { readonly rewrite: (body: TokenBody) => string; readonly type?: string }
  /** Nothing happens until this resolves; then it fares as `fare` says, or well. */
  | { readonly after: Promise<unknown>; readonly fare?: TokenFault }
  /** It is processed at once, and the answer waits until this resolves. */
  | { readonly answerAfter: Promise<unknown> };

const changed = (fields: (body: TokenBody) => TokenBody) => (body: TokenBody) =>
  JSON.stringify({ ...body, ...fields(body) });

/** Ways in which servers get a 200 wrong without taking the tokens back: what they make of a good one. */
export const MALFORMED: Readonly<Record<string, (body: TokenBody) => string>> = {
  'expires_in is text': changed(({ expires_in }) => ({ expires_in: String(expires_in) })),
  'expires_in is no number': changed(() => ({ expires_in: 'soon' })),
  'expires_in is negative': changed(() => ({ expires_in: -1 })),
  'expires_in is huge': changed(() => ({ expires_in: 1e15 })),
  'expires_in is null': changed(() => ({ expires_in: null })),
  'token_type is missing': changed(() => ({ token_type: undefined })),
  'token_type is another': changed(() => ({ token_type: 'mac' })),
  'scope is a list': changed(({ scope }) => ({ scope: String(scope).split(' ') })),
  'scope has commas': changed(({ scope }) => ({ scope: String(scope).replaceAll(' ', ',') })),
  'scope is a number': changed(() => ({ scope: 7 })),
  'access_token is missing': changed(() => ({ access_token: undefined })),
  'access_token is null': changed(() => ({ access_token: null })),
  'it is form-encoded': (body) =>
    new URLSearchParams(Object.entries(body).map(([name, value]) => [name, String(value)])).toString(),
  'the tokens lie deeper': (body) => JSON.stringify({ data: body }),
  'its end is missing': (body) => JSON.stringify(body).slice(0, -1),
};

/** The faults that wait for requests at a token endpoint, and who presented what there. */
export class TokenEndpoint {
  readonly #faults: TokenFault[] = [];
  readonly #presented = new Map<string, number>();
  readonly #seen = new Set<() => void>();
  /** Milliseconds that every answer takes. */
  latency = 0;
  requests = 0;

  /** The next requests fare so, one fault each, in this order; then all is well again. */
  inject(...faults: readonly TokenFault[]): void {
    this.#faults.push(...faults);
  }

  /** How often each refresh token was presented, by its SHA-256 in hexadecimal: injected faults count too. */
  get presented(): ReadonlyMap<string, number> {
    return this.#presented;
  }

  /** How often this refresh token was presented. */
  presentations(token: string): number {
    return this.#presented.get(digest(token)) ?? 0;
  }

  /** Resolves once so many requests in all have arrived. */
  async arrived(requests: number): Promise<void> {
    while (this.requests < requests) await new Promise<void>((resolve) => this.#seen.add(resolve));
  }

  /** Koa middleware around the provider's own. */
  readonly middleware = async (context: Context, next: () => Promise<void>): Promise<void> => {
    if (context.method !== 'POST' || context.path !== '/token') return next();
    const body = await this.#read(context);
    if (this.latency > 0) await new Promise((resolve) => setTimeout(resolve, this.latency));
    this.#note(body);
    await fare(context, next, this.#faults.shift() ?? null);
  };

  /** Reads the body and puts it back: the provider reads the stream itself. */
  async #read({ req }: Context): Promise<URLSearchParams> {
    const text = await bodyOf(req);
    Object.defineProperties(req, {
      readable: { value: true },
      iterator: { value: () => Readable.from([Buffer.from(text)]).iterator() },
    });
    return new URLSearchParams(text);
  }

  #note(body: URLSearchParams): void {
    const token = body.get('refresh_token');
    if (token !== null) this.#presented.set(digest(token), this.presentations(token) + 1);
    this.requests += 1;
    for (const tell of this.#seen) tell();
    this.#seen.clear();
  }
}

async function fare(context: Context, next: () => Promise<void>, fault: TokenFault | null): Promise<void> {
  if (fault === null) return next();
  if (fault === 'cut') return cut(context);
  if (fault === 'drop') {
    await next();
    return cut(context);
  }
  if ('after' in fault) {
    await fault.after;
    return fare(context, next, fault.fare ?? null);
  }
  if ('status' in fault) {
    if (fault.processed === true) await next();
    context.status = fault.status;
    context.set(fault.headers ?? {});
    context.body = fault.body ?? '';
    return;
  }
  await next();
  if ('answerAfter' in fault) await fault.answerAfter;
  else if (context.status === 200) {
    context.body = fault.rewrite(context.body as TokenBody);
    context.type = fault.type ?? 'application/json';
  }
}

function cut(context: Context): void {
  context.respond = false;
  context.req.socket.destroy();
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
