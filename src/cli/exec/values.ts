import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../engine/clock.ts';
import { SECOND, Secret } from '../../model/index.ts';
import { backoff } from '../../rotation/index.ts';
import type { Client } from '../client.ts';
import { CommandError, EXIT, explain } from '../exit.ts';

/** A credential's current value, as the API gave it. */
export type Value = { readonly version: number; readonly etag: string | null; readonly secret: Secret };

/** The longest that one request holds; the API allows 60 s. */
const HOLD = 50 * SECOND;
/** What an answer may take beyond that. */
const SLACK = 15 * SECOND;
/** The longest pause before a daemon that was not reached is asked again. */
const LONGEST_PAUSE = 5 * SECOND;
/** The longest at the start, where somebody waits. */
const LONGEST_PAUSE_AT_START = 2 * SECOND;
/** An API that does not hold is not asked more often. */
const SHORTEST_HOLD = SECOND;

/** Where values come from; connected anew after every failure, for a token's file may have changed. */
export type Source = { readonly connect: () => Promise<Client>; readonly say: (line: string) => void };

/**
 * The current value of each credential. Waits at most `wait` ms for a daemon that cannot be reached or is starting, and for
 * a credential that has no value yet.
 *
 * @throws {CommandError} as `Client.post`
 */
export async function firstValues(
  source: Source,
  names: readonly string[],
  wait: number,
): Promise<{ readonly values: Map<string, Value>; readonly client: Client }> {
  const client = await source.connect();
  const clock = systemClock();
  const until = clock.monotonic() + wait;
  let said = false;
  const first = async (name: string): Promise<Value> => {
    for (let attempts = 1; ; attempts += 1) {
      const left = Math.max(0, until - clock.monotonic());
      try {
        const value = await ask(client, name, null, { hold: Math.round(Math.min(HOLD, left)) });
        if (value !== null) return value;
      } catch (error) {
        const pause = Math.min(backoff(attempts, {}), LONGEST_PAUSE_AT_START);
        const now = Math.max(0, until - clock.monotonic());
        if (!passes(error, left - now) || now < pause) throw error;
        if (!said) source.say(`${error.message}; tried again for ${Math.ceil(now / SECOND)} s (--wait)`);
        said = true;
        await sleep(pause);
      }
    }
  };
  const entries = await Promise.all(names.map(async (name) => [name, await first(name)] as const));
  return { values: new Map(entries), client };
}

/**
 * What may be otherwise in a moment: the daemon is away, or starts, or knows the credential and has no value of it yet,
 * which it says only after it has held the request.
 * @param ms how long the answer took
 */
function passes(error: unknown, ms: number): error is CommandError {
  if (!(error instanceof CommandError)) return false;
  const waited = error.exit === EXIT.refused && ms >= SHORTEST_HOLD;
  return waited || error.exit === EXIT.unreachable || error.exit === EXIT.failed;
}

async function ask(
  client: Client,
  name: string,
  etag: string | null,
  { hold, signal }: { readonly hold: number; readonly signal?: AbortSignal },
): Promise<Value | null> {
  const path = `/v1/credentials/${encodeURIComponent(name)}/secret?wait=${hold}ms`;
  const answer = await client.getIfNew<{ version?: unknown; value?: unknown }>(path, etag, {
    deadlineMs: hold + SLACK,
    ...(signal === undefined ? {} : { signal }),
  });
  if (answer === null) return null;
  const { version, value } = answer.document;
  if (typeof version !== 'number' || typeof value !== 'string')
    throw new CommandError(EXIT.unreachable, `what answers is no Keywarden: ${name} came without a value`);
  if (value.includes('\0'))
    throw new CommandError(EXIT.refused, `${name}: its value holds a zero byte, which no variable can hold`);
  return { version, etag: answer.etag === '' ? null : answer.etag, secret: Secret.from(value) };
}

/** What is wrong now: told once, however many credentials it concerns, and once it is over. */
export class Trouble {
  readonly #say: (line: string) => void;
  readonly #now = new Map<string, string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  tell(name: string, error: unknown): void {
    const message = explain(error);
    const known = [...this.#now.values()].includes(message);
    this.#now.set(name, message);
    if (!known) this.#say(`${message}; the command goes on with the value it has`);
  }

  over(name: string): void {
    if (this.#now.delete(name) && this.#now.size === 0) this.#say('the daemon answers again');
  }
}

export type Following = {
  readonly changed: (value: Value) => void;
  readonly trouble: Trouble;
  readonly signal: AbortSignal;
};

/**
 * Follows one credential until `signal` aborts and calls `changed` with every new value. Whatever fails is told once and
 * tried again: it never throws.
 */
export async function followValue(
  { connect }: Source,
  name: string,
  known: Value,
  { changed, trouble, signal }: Following,
): Promise<void> {
  const clock = systemClock();
  let value = known;
  let client: Client | null = null;
  for (let failures = 0; !signal.aborted; ) {
    const asked = clock.monotonic();
    try {
      client ??= await connect();
      // After a failure an answer at once says that it is over.
      const hold = failures === 0 ? HOLD : 0;
      const next = await ask(client, name, value.etag, { hold, signal });
      trouble.over(name);
      failures = 0;
      const isNew = next !== null && !(next.version === value.version && next.secret.equals(value.secret));
      value = next ?? value;
      if (isNew) changed(value);
      else if (hold > 0) await rest(SHORTEST_HOLD - (clock.monotonic() - asked), signal);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      client = null;
      trouble.tell(name, error);
      // Not all at once, where many commands wait for one daemon.
      await rest(Math.min(backoff(failures, {}), LONGEST_PAUSE) * (0.5 + Math.random() / 2), signal);
    }
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
