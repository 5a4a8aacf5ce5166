import {
  EdgeError,
  failureOf,
  KeywardenError,
  type PluginContext,
  plaintextFault,
} from '../../model/index.ts';
import { closedFault, interruptedFault } from '../closed.ts';
import type { Hook, HookEvent } from '../contract.ts';
import { type Answer, refusal } from './answer.ts';
import type { HttpConfig } from './schema.ts';

/** What a header may hold: printable ASCII. A line break would begin another header. */
const FIT = /^[\x20-\x7e]+$/;

/**
 * Calls an address. POST and PUT carry `{credential, destination, version, keyId, installation}` as JSON and an
 * `Idempotency-Key`, the same for each run for one version and destination, so that a repetition can be told from
 * a further version. Any 2xx is success; the answer's body is not looked at.
 *
 * The address's path may be a secret: messages show the origin alone. So the connection is used by its `fetch`, which
 * keeps to that, and its own timeout is the run's.
 */
export function create(context: PluginContext<HttpConfig>): Hook {
  const closing = new AbortController();
  return {
    async run(event) {
      if (closing.signal.aborted) throw closedFault();
      const { status, headers } = await call(context, event, closing.signal);
      if (status >= 200 && status < 300) return;
      const answer: Answer = {
        status,
        retryAfter: headers.get('retry-after'),
        date: headers.get('date'),
      };
      throw new EdgeError(refusal(answer, originOf(context), context.clock.now()));
    },
    async close() {
      closing.abort(interruptedFault());
    },
  };
}

/** @throws {EdgeError} */
async function call(context: PluginContext<HttpConfig>, event: HookEvent, signal: AbortSignal) {
  const { url, method, allowPlaintextLoopback } = context.config.http;
  const plaintext = plaintextFault(url, allowPlaintextLoopback);
  if (plaintext !== null) {
    throw new EdgeError({
      code: 'plaintext_refused',
      verdict: 'permanent',
      message: `the onChange hook ${originOf(context)} was not called: ${plaintext}`,
    });
  }
  const own = await headersOf(context.config);
  const request =
    method === 'GET'
      ? { headers: own }
      : { headers: { ...own, ...bodyHeaders(context, event) }, body: bodyOf(event) };
  try {
    return await context.net.fetch(url, { method, signal, ...request });
  } catch (error) {
    throw error instanceof EdgeError ? error : new EdgeError(failureOf(error));
  }
}

function bodyOf({ credential, destination, mark }: HookEvent): string {
  const { number: version, keyId, installation } = mark;
  return JSON.stringify({ credential, destination, version, keyId, installation });
}

function bodyHeaders({ hash }: PluginContext<HttpConfig>, { destination, mark }: HookEvent) {
  return {
    'content-type': 'application/json',
    'idempotency-key': hash.digest('hook', mark.versionId, String(mark.number), destination),
  };
}

/** Read anew for each call, so that a changed file is noticed. @throws {EdgeError} */
async function headersOf({ http }: HttpConfig): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(http.headers ?? {})) {
    const secret = await source.read().catch((error: unknown) => {
      if (!(error instanceof KeywardenError)) throw new EdgeError(failureOf(error));
      throw new EdgeError({ code: error.code, verdict: 'retryable', message: error.message });
    });
    const value = secret.reveal();
    if (!FIT.test(value)) {
      throw new EdgeError({
        code: 'unfit_header',
        verdict: 'permanent',
        message: `the value for the header ${name} in ${source.where} holds a character that no header may hold (a line break?); put it right`,
      });
    }
    headers[name] = value;
  }
  return headers;
}

function originOf({ config }: PluginContext<HttpConfig>): string {
  return new URL(config.http.url).origin;
}
