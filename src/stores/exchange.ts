import { EdgeError, type Net, type NetRequest, type PluginContext } from '../model/index.ts';

/*
 * Requests to a store that speaks JSON over HTTP, under one deadline for each operation.
 */

/** What the store answered, whatever the status. Its texts may quote what was sent: they are matched, never shown. */
export type Answer = {
  readonly status: number;
  /** The parsed body; undefined where it is empty or no JSON. */
  readonly body: unknown;
  readonly retryAfterMs: number | null;
  /** The origin that it sends us to; null where it sends us nowhere. Nothing is followed here. */
  readonly redirect: string | null;
};

type Reviver = (key: string, value: unknown) => unknown;

const rawJson = Reflect.get(JSON, 'rawJSON') as (text: string) => unknown;

/** https://tc39.es/proposal-json-parse-with-source/; TypeScript does not know it yet. */
const keepNumber = (_key: string, value: unknown, context: { readonly source?: string }) =>
  typeof value === 'number' && context.source !== undefined && String(value) !== context.source
    ? rawJson(context.source)
    : value;

/**
 * Undefined where it is no JSON. A number that a double would write otherwise (`1.10`, one of twenty digits) belongs to
 * others and is kept to the digit: it is no number here, but stringified it is again what it was.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, keepNumber as Reviver);
  } catch {
    return undefined;
  }
}

/** What is left of an operation's time, in ms. @throws {EdgeError} `timeout` once nothing is */
export type Deadline = () => number;

/** One deadline for all requests of an operation, a renewed login included. `who`: `Vault`. */
export function deadlineIn(
  ms: number,
  { clock }: Pick<PluginContext<unknown>, 'clock'>,
  who: string,
): Deadline {
  const end = clock.monotonic() + ms;
  return () => {
    const left = end - clock.monotonic();
    if (left > 0) return Math.ceil(left);
    throw new EdgeError({
      code: 'timeout',
      verdict: 'retryable',
      message: `${who} was not done within ${ms} ms; see whether it is overloaded, or raise timeout`,
    });
  };
}

/** @throws {EdgeError} where there was no answer: `unknown` for what may have been written, else `retryable` */
export async function exchange(
  net: Net,
  request: NetRequest,
  { who, writes }: { readonly who: string; readonly writes: boolean },
): Promise<Answer> {
  try {
    const { status, headers, body } = await net.request(request);
    const redirect = URL.parse(headers.location ?? '')?.origin ?? null;
    return {
      status,
      body: parseJson(body.toString('utf8')),
      retryAfterMs: seconds(headers['retry-after']),
      redirect,
    };
  } catch (error) {
    throw noAnswer(error, who, writes);
  }
}

/** A read that may have been served has changed nothing: it is simply tried again. */
function noAnswer(error: unknown, who: string, writes: boolean): EdgeError {
  if (!(error instanceof EdgeError)) {
    return new EdgeError({
      code: 'no_answer',
      verdict: writes ? 'unknown' : 'retryable',
      message: `the connection to ${who} failed in an unforeseen way; it is tried again`,
    });
  }
  if (writes || error.failure.verdict !== 'unknown') return error;
  return new EdgeError({ ...error.failure, verdict: error.code === 'too_large' ? 'permanent' : 'retryable' });
}

function seconds(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}
