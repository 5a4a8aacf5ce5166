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
import type { Provider, ProviderDefaults } from './contract.ts';

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
  /** The key is accepted no longer. */
  revoke(key: Secret): void;
  /** How many requests arrived. */
  arrived(): number;
  /** Nobody listens any more. */
  stop(): Promise<void>;
  /** Ends all of it, the provider included. */
  end(): Promise<void>;
};

/** `timeoutMs` is the patience that the world's provider shall have. */
export type MakeWorld<World = ProviderWorld> = (timeoutMs: number) => Promise<World>;

type Abilities = Pick<ProviderDefaults, 'rotates' | 'hasLog'>;

export const MINT = { idempotencyKey: 'idem-1', trigger: 'scheduled' } as const;
export const READ = { cursor: null, since: 0, limit: 10 } as const;
const PATIENCE = 20_000;

/** Each call that the provider has, by its name. */
function callsOf({ provider, key }: ProviderWorld, { rotates, hasLog }: Abilities) {
  const calls: [name: string, call: () => Promise<unknown>][] = [['verify', () => provider.verify(key)]];
  if (rotates) calls.push(['mint', () => provider.mint(key, MINT)]);
  if (hasLog) calls.push(['readLog', () => provider.readLog(key, READ)]);
  return calls;
}

/** A new world before each test of the suite that it is called in, ended after it. */
export function worldOf<World extends ProviderWorld>(makeWorld: MakeWorld<World>): () => World {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld(PATIENCE);
  });
  afterEach(() => world.end());
  return () => world;
}

/**
 * What every provider promises, whatever its protocol and its abilities. One that rotates keys promises `mintContract`
 * beside it, one that has a log `logContract`.
 */
export function providerContract(name: string, abilities: Abilities, makeWorld: MakeWorld): void {
  describe(`${name} as a provider`, () => {
    const world = worldOf(makeWorld);
    const calls = () => callsOf(world(), abilities);
    const planted = () => world().planted[0] ?? '';

    it('says that a key is rejected, and nothing else does', async () => {
      for (const [, call] of calls()) await call();
      world().revoke(world().key);
      for (const [called, call] of calls()) {
        expect((await failureOf(world(), call())).failure.verdict, called).toBe('rejected');
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
    ])('gives %s the same verdict in every call', async (row, reply, verdict) => {
      const withSecret =
        typeof reply === 'object' && typeof reply.body === 'string'
          ? { ...reply, body: reply.body.replaceAll('SECRET', planted()) }
          : reply;
      for (const [called, call] of calls().toReversed()) {
        world().replyNext(withSecret);
        expect((await failureOf(world(), call())).failure.verdict, called).toBe(verdict);
        // A 429 closes the door to the calls after it.
        if (row === '429') return;
      }
    });

    it.each(USELESS)('finds no use for the answer %j to a read', async (text) => {
      for (const [called, call] of calls().filter(([each]) => each !== 'mint')) {
        world().replyNext({ status: 200, body: text.replaceAll('SECRET', planted()) });
        expect((await failureOf(world(), call())).failure, called).toMatchObject({
          code: 'unusable_answer',
          verdict: 'unknown',
        });
      }
    });

    it('does not know the outcome where no answer comes in time', async () => {
      const hasty = await makeWorld(1_000);
      try {
        const all = callsOf(hasty, abilities);
        for (const _call of all) hasty.replyNext('silence');
        const failures = await Promise.all(all.map(([, call]) => failureOf(hasty, call())));
        for (const { failure } of failures) {
          expect(failure).toMatchObject({ code: 'timeout', verdict: 'unknown' });
        }
      } finally {
        await hasty.end();
      }
    });

    it('knows that nothing was sent where nobody listens', async () => {
      await world().stop();
      for (const [called, call] of calls()) {
        expect((await failureOf(world(), call())).failure.verdict, called).toBe('retryable');
      }
    });

    it.each([
      ['seconds', { 'retry-after': '60' }],
      ['a date', { date: 'Thu, 01 Oct 2026 09:00:00 GMT', 'retry-after': 'Thu, 01 Oct 2026 09:01:00 GMT' }],
    ])('honours Retry-After in %s, and sends nothing until then', async (_name, headers) => {
      world().replyNext({ status: 429, headers });
      const last = calls().at(-1)?.[1] ?? none;
      expect((await failureOf(world(), last())).failure).toMatchObject({
        code: 'rate_limited',
        retryAfterMs: 60_000,
      });
      for (const [called, call] of calls()) {
        const { failure } = await failureOf(world(), call());
        expect(failure, called).toMatchObject({ code: 'rate_limited', verdict: 'retryable' });
        expect(failure.retryAfterMs).toBeGreaterThan(30_000);
      }
      expect(world().arrived()).toBe(1);
    });

    it('refuses a key of a foreign form without sending or quoting it', async () => {
      const { provider, key } = world();
      const foreign = Secret.from(`other_${planted()}\r\n`);
      expect([provider.malformed(key), provider.mismatch(key, key)]).toEqual([null, null]);
      const why = provider.malformed(foreign) ?? '';
      expect(why.length).toBeGreaterThan(20);
      for (const secret of world().planted) expect(why).not.toContain(secret);
      const { failure } = await failureOf(world(), provider.verify(foreign));
      expect([failure.verdict, world().arrived()]).toEqual(['permanent', 0]);
    });

    const { rotates, hasLog } = abilities;
    if (!rotates) {
      it('says that a person makes the keys, and what to do then', async () => {
        const { provider, key } = world();
        const parse = async () => provider.parseMint(Secret.from('{}'), key);
        for (const call of [provider.mint(key, MINT), parse()]) {
          const { failure } = await failureOf(world(), call);
          expect(failure).toMatchObject({ code: 'not_supported', verdict: 'permanent' });
          expect(failure.message).toContain('keywarden import NAME');
        }
        expect(world().arrived()).toBe(0);
      });
    }
    if (!hasLog) {
      it('says that it has no log', async () => {
        const { failure } = await failureOf(world(), world().provider.readLog(world().key, READ));
        expect(failure).toMatchObject({ code: 'not_supported', verdict: 'permanent' });
        expect(world().arrived()).toBe(0);
      });
    }
  });
}

/** Bodies that are of no use in any call. SECRET stands for what is planted. */
export const USELESS = [
  '',
  '{',
  '[]',
  'null',
  '"SECRET"',
  '<html>SECRET</html>',
  '{"key": "SECRET", "events": "SECRET", "results": "SECRET"}',
];

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
  steady: () => performance.now(),
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
