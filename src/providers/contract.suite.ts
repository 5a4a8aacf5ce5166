import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Clock,
  EdgeError,
  type Files,
  type Hash,
  type Log,
  type Net,
  type PluginContext,
  Secret,
  type Verdict,
} from '../model/index.ts';
import type { Provider } from './contract.ts';

/** How the other side treats one request. `cut-after`: it does the work, then cuts the connection. */
export type Reply =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  | 'cut'
  | 'cut-after'
  | 'silence'
  | 'endless';

/** A provider before a local server that speaks its protocol over TLS, made anew for every test. */
export type ProviderWorld = {
  readonly provider: Provider;
  /** A key that is accepted; part of it stands in {@link ProviderWorld.planted}. */
  readonly key: Secret;
  /** Texts that no error may show, however it is looked at. */
  readonly planted: readonly string[];
  /** The next request is treated like this. */
  replyNext(reply: Reply): void;
  /** How many events the log gains, oldest first, and their ids. */
  addEvents(count: number): readonly string[];
  /** The key is accepted no longer. */
  revoke(key: Secret): void;
  /** How many requests arrived. */
  arrived(): number;
  /** Nobody listens any more. */
  stop(): Promise<void>;
  /** Ends all of it, the provider included. */
  end(): Promise<void>;
};

const MINT = { idempotencyKey: 'idem-1', trigger: 'scheduled' } as const;
const READ = { cursor: null, since: 0, limit: 10 } as const;

/** What every provider promises, whatever its protocol. `timeoutMs` is the patience that the world's provider shall have. */
export function providerContract(
  name: string,
  makeWorld: (timeoutMs: number) => Promise<ProviderWorld>,
): void {
  describe(`${name} as a provider`, () => {
    let world: ProviderWorld;
    beforeEach(async () => {
      world = await makeWorld(20_000);
    });
    afterEach(() => world.end());

    const calls = {
      mint: () => world.provider.mint(world.key, MINT),
      verify: () => world.provider.verify(world.key),
      readLog: () => world.provider.readLog(world.key, READ),
    };
    const names = Object.keys(calls) as (keyof typeof calls)[];

    it('mints a successor that is accepted while the former key still is', async () => {
      const minted = world.provider.parseMint((await calls.mint()).raw, world.key);
      expect(minted.key.equals(world.key)).toBe(false);
      expect(world.provider.malformed(minted.key)).toBe(null);
      expect((await world.provider.verify(minted.key)).keyId).toBe(minted.keyId);
      expect((await world.provider.verify(world.key)).keyId).toBe(minted.previousKeyId);
      expect(minted.previousExpiresAt).toBeGreaterThan(minted.previousRotatedAt);
    });

    it('gives the first answer again to the same idempotency key, also after a cut', async () => {
      world.replyNext('cut-after');
      expect((await failureOf(world, calls.mint())).failure.verdict).toBe('unknown');
      const first = (await calls.mint()).raw;
      expect((await calls.mint()).raw.equals(first)).toBe(true);
      const other = await world.provider.mint(world.key, { ...MINT, idempotencyKey: 'idem-2' });
      expect(other.raw.equals(first)).toBe(false);
    });

    it('says that a key is rejected, and nothing else does', async () => {
      world.revoke(world.key);
      for (const call of names) {
        expect((await failureOf(world, calls[call]())).failure.verdict, call).toBe('rejected');
      }
    });

    const echo = (status: number, headers: Record<string, string> = {}): Reply => ({
      status,
      headers,
      body: JSON.stringify({ error: { code: 'SECRET', message: 'SECRET' }, request_id: 'SECRET' }),
    });
    it.each<[string, Reply, Verdict]>([
      ['429', echo(429), 'retryable'],
      ['503', echo(503), 'retryable'],
      ['500', echo(500), 'unknown'],
      ['502', echo(502), 'unknown'],
      ['504', echo(504), 'unknown'],
      ['401', echo(401), 'rejected'],
      ['400', echo(400), 'permanent'],
      ['403', echo(403), 'permanent'],
      ['404', echo(404), 'permanent'],
      ['409', echo(409), 'permanent'],
      ['a redirect', echo(307, { location: 'https://elsewhere.example/' }), 'unknown'],
      ['an empty success', { status: 204 }, 'unknown'],
      ['a cut', 'cut', 'unknown'],
      ['an endless body', 'endless', 'unknown'],
      [
        'damaged compression',
        { status: 200, headers: { 'content-encoding': 'gzip' }, body: 'SECRET' },
        'unknown',
      ],
    ])('gives %s the same verdict in every call', async (_name, reply, verdict) => {
      const secret = world.planted[0] ?? '';
      const withSecret =
        typeof reply === 'object' && typeof reply.body === 'string'
          ? { ...reply, body: reply.body.replaceAll('SECRET', secret) }
          : reply;
      for (const call of names.toReversed()) {
        world.replyNext(withSecret);
        expect((await failureOf(world, calls[call]())).failure.verdict, call).toBe(verdict);
        // A 429 closes the door to the calls after it.
        if (_name === '429') return;
      }
    });

    it.each([
      '',
      '{',
      '[]',
      'null',
      '"SECRET"',
      '<html>SECRET</html>',
      '{"key": "SECRET", "events": "SECRET"}',
    ])('finds no use for the answer %j', async (text) => {
      const body = text.replaceAll('SECRET', world.planted[0] ?? '');
      for (const call of [calls.verify, calls.readLog]) {
        world.replyNext({ status: 200, body });
        expect((await failureOf(world, call())).failure).toMatchObject({
          code: 'unusable_answer',
          verdict: 'unknown',
        });
      }
      world.replyNext({ status: 201, body });
      const { raw } = await calls.mint();
      expect(raw.reveal()).toBe(body);
      const parse = (async () => world.provider.parseMint(raw))();
      expect((await failureOf(world, parse)).failure).toMatchObject({
        code: 'unusable_answer',
        verdict: 'unknown',
      });
    });

    it('does not know the outcome where no answer comes in time', async () => {
      const hasty = await makeWorld(1_000);
      try {
        for (const _call of [1, 2]) hasty.replyNext('silence');
        const { provider, key } = hasty;
        const both = [provider.mint(key, MINT), provider.verify(key)].map((call) => failureOf(hasty, call));
        for (const { failure } of await Promise.all(both)) {
          expect(failure).toMatchObject({ code: 'timeout', verdict: 'unknown' });
        }
      } finally {
        await hasty.end();
      }
    });

    it('knows that nothing was sent where nobody listens', async () => {
      await world.stop();
      for (const call of names) {
        expect((await failureOf(world, calls[call]())).failure.verdict, call).toBe('retryable');
      }
    });

    it.each([
      ['seconds', { 'retry-after': '60' }],
      ['a date', { date: 'Thu, 01 Oct 2026 09:00:00 GMT', 'retry-after': 'Thu, 01 Oct 2026 09:01:00 GMT' }],
    ])('honours Retry-After in %s, and sends nothing until then', async (_name, headers) => {
      world.replyNext({ status: 429, headers });
      expect((await failureOf(world, calls.mint())).failure).toMatchObject({
        code: 'rate_limited',
        retryAfterMs: 60_000,
      });
      const { failure } = await failureOf(world, calls.verify());
      expect(failure).toMatchObject({ code: 'rate_limited', verdict: 'retryable' });
      expect(failure.retryAfterMs).toBeGreaterThan(30_000);
      expect(world.arrived()).toBe(1);
    });

    it('reads the log page by page, in order, and goes on from the last cursor', async () => {
      const early = world.addEvents(15);
      const first = await calls.readLog();
      expect([first.events.map(({ id }) => id), first.hasMore]).toEqual([early.slice(0, 10), true]);
      const rest = await world.provider.readLog(world.key, { ...READ, cursor: first.nextCursor });
      expect([rest.events.map(({ id }) => id), rest.hasMore]).toEqual([early.slice(10), false]);
      const late = world.addEvents(1);
      const more = await world.provider.readLog(world.key, { ...READ, cursor: rest.nextCursor });
      expect(more.events.map(({ id }) => id)).toEqual(late);
    });

    it('refuses a key of a foreign form without sending or quoting it', async () => {
      const foreign = Secret.from(`sk_other_${world.planted[0]}\r\n`);
      expect(world.provider.malformed(world.key)).toBe(null);
      const why = world.provider.malformed(foreign) ?? '';
      expect(why.length).toBeGreaterThan(20);
      for (const secret of world.planted) expect(why).not.toContain(secret);
      const { failure } = await failureOf(world, world.provider.verify(foreign));
      expect([failure.verdict, world.arrived()]).toEqual(['permanent', 0]);
    });
  });
}

/** The EdgeError of a call that must fail, after a hunt for what is planted in all that it shows. */
export async function failureOf(
  world: Pick<ProviderWorld, 'planted'>,
  call: Promise<unknown>,
): Promise<EdgeError> {
  const error = await call.then(
    () => new Error('the call did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EdgeError)) throw error;
  let shown = '';
  for (let at: unknown = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) {
    shown += `${inspect(at, { depth: 20, showHidden: true, getters: true })}${JSON.stringify(at)}${String(at)}`;
  }
  shown += `${error.stack}${JSON.stringify(error.failure)}`;
  for (const secret of world.planted) expect(shown).not.toContain(secret);
  return error;
}

/** What a provider is given in tests: the machine's time, no files, a silent log. */
export function testContext<Config>(
  config: Config,
  net: Net,
  clock: Clock = machineClock,
): PluginContext<Config> {
  return { name: 'test', config, net, clock, files: noFiles, log: silentLog, hash: testHash };
}

const machineClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

const none = () => Promise.reject(new TypeError('no files here'));
const noFiles: Files = { read: none, replace: none, sweep: none, probe: none };

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

const hmac = (...parts: readonly (string | Uint8Array)[]) => {
  const all = createHmac('sha256', 'test');
  for (const part of parts) all.update(part);
  return all.digest('hex');
};

const testHash: Hash = {
  fingerprint: (value) => hmac(value.bytes()).slice(0, 12),
  digest: (...parts) => hmac(...parts),
  unit: (...parts) => Number.parseInt(hmac(...parts).slice(0, 8), 16) / 2 ** 32,
};
