import { inspect } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Alert,
  EdgeError,
  type Failure,
  type Net,
  type PluginContext,
  Secret,
  SecretSource,
} from '../model/index.ts';
import { type Authority, makeCa, type Served, serve, testNet } from '../net/testing/index.ts';
import type { Channel, Message } from './contract.ts';
import type { ChannelFake } from './fake.ts';

/** One kind of channel before its fake, made anew for every test. */
export type ChannelWorld = {
  readonly fake: ChannelFake;
  /** Pieces of the channel's secret, none of which may show up anywhere. */
  readonly planted: readonly string[];
  /** A 2xx is all that its protocol says of success. */
  readonly statusOnly?: true;
  /** After a 400 it tries once with less. */
  readonly triesLess?: true;
  /** How many messages the fake took. */
  taken(): number;
  /** `origin` is where the fake is served. */
  create(context: Omit<PluginContext<never>, 'config'>, origin: string, timeoutMs: number): Channel;
};

export const NOW = Date.UTC(2026, 9, 1, 9);

export const ALERT: Alert = {
  credential: 'frameflow-prod',
  id: '0199c1d2',
  dedupKey: 'publish-failed:frameflow-prod:0f1e',
  identity: '["publish-failed","credential:frameflow-prod",""]',
  generation: 1,
  kind: 'publish-failed',
  severity: 'critical',
  state: 'triggered',
  title: 'Vault refuses the new key of frameflow-prod',
  summary: 'Readers of vault keep the old key, which ends with the overlap. Keywarden goes on trying.',
  action: 'Give Keywarden the right to write, then run `keywarden rotation 0199 retry`',
  deadline: NOW + 3_600_000,
  evidence: { code: 'forbidden', keyId: 'key_9Xc1', ips: ['198.51.100.7'] },
  firstSeenAt: NOW - 60_000,
  lastSeenAt: NOW,
  count: 1,
  acknowledgedBy: null,
  triggeredAt: NOW - 60_000,
  reportedAt: null,
  revision: 1,
};

export function messageOf(fields: Partial<Message> = {}): Message {
  return {
    id: '0199c1d2-7a31-7c55-8f00-3c1d5e0a9b42',
    event: 'trigger',
    alert: ALERT,
    provider: 'frameflow',
    installation: 'footage',
    environment: 'production',
    links: [
      { text: 'Runbook', href: 'https://runbooks.internal/keywarden/publish-failed' },
      { text: 'Keywarden', href: 'https://keywarden.example.com' },
    ],
    runbook: 'https://runbooks.internal/keywarden/publish-failed',
    repeat: false,
    ...fields,
  };
}

/** A reference that is bound to `value`, as the configuration's loader would bind it. */
export function secretOf(value: string): SecretSource {
  const source = new SecretSource({ env: 'CHANNEL_SECRET' });
  source.bind(async () => Secret.from(value));
  return source;
}

/** All that a plug-in is given, its configuration aside; `text` is what was logged. */
export function testContext(net: Net): { context: Omit<PluginContext<never>, 'config'>; text(): string } {
  const lines: string[] = [];
  const write = (fields: object, message: string) => {
    lines.push(message, inspect(fields, { depth: 12, showHidden: true }));
  };
  const log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const unused = () => {
    throw new Error('a channel has no use for this');
  };
  const context = {
    name: 'team',
    net,
    log,
    clock: {
      now: () => NOW,
      monotonic: () => performance.now(),
      steady: () => performance.now(),
      after: unused,
    },
    files: { read: unused, replace: unused, sweep: unused, probe: unused },
    hash: { fingerprint: unused, digest: unused, unit: unused },
  };
  return { context, text: () => lines.join('\n') };
}

const TIMEOUT = 1_500;

/** What every channel promises, before a real server that speaks its vendor's protocol over TLS. */
export function channelContract(name: string, make: () => ChannelWorld): void {
  describe(`${name} as a channel`, () => {
    let ca: Authority;
    const opened: Array<() => Promise<void>> = [];
    let world: ChannelWorld;
    let server: Served;
    let channel: Channel;
    let logged: () => string;
    const outputs: string[] = [];

    beforeAll(async () => {
      ca = await makeCa();
    });

    beforeEach(async () => {
      world = make();
      server = await serve(world.fake.handler, { tls: await ca.issue() });
      channel = open(testNet(ca, { timeoutMs: TIMEOUT }));
      opened.push(() => server.close());
    });

    afterEach(async () => {
      const text = [logged(), ...outputs.splice(0)].join('\n');
      for (const piece of world.planted) expect(text).not.toContain(piece);
      for (const close of opened.splice(0).reverse()) await close();
    });

    function open(net: Net): Channel {
      const { context, text } = testContext(net);
      logged = text;
      const made = world.create(context, server.url, TIMEOUT);
      opened.push(
        () => net.close(),
        () => made.close(),
      );
      return made;
    }

    /** The failure of a delivery, after everything about its error was hunted through. */
    async function failure(of: Channel = channel, message = messageOf()): Promise<Failure> {
      const error: unknown = await of.deliver(message).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof EdgeError)) throw new Error('it did not fail with an EdgeError');
      outputs.push(
        inspect(error, { depth: 20, showHidden: true }),
        inspect(of, { depth: 20, showHidden: true }),
        JSON.stringify(error),
        String(error.stack),
        JSON.stringify(error.failure),
      );
      expect(error.cause).toBeUndefined();
      expect(error.message).toBe(error.failure.message);
      return error.failure;
    }

    test.each(['trigger', 'acknowledge', 'resolve'] as const)(
      'delivers a message of event %s once',
      async (event) => {
        await channel.deliver(messageOf({ event }));
        expect([world.taken(), world.fake.received.length]).toEqual([1, 1]);
      },
    );

    test('waits as long as a 429 says, and repeats nothing by itself', async () => {
      world.fake.fail({ status: 429, headers: { 'retry-after': '37' }, body: 'rate_limited' });
      expect(await failure()).toMatchObject({
        code: 'rate_limited',
        verdict: 'retryable',
        retryAfterMs: 37_000,
      });
      expect(world.fake.received).toHaveLength(1);
      await channel.deliver(messageOf());
      expect(world.taken()).toBe(1);
    });

    test('takes a 429 with a bad Retry-After for one without', async () => {
      world.fake.fail({ status: 429, headers: { 'retry-after': 'soon' } });
      const { retryAfterMs, verdict } = await failure();
      expect([verdict, retryAfterMs]).toEqual(['retryable', undefined]);
    });

    test.each([500, 503])('takes %i for a fault that passes', async (status) => {
      world.fake.fail({ status, body: 'try later' });
      expect(await failure()).toMatchObject({ code: 'unavailable', verdict: 'retryable' });
      expect(world.fake.received).toHaveLength(1);
    });

    test('does not know what became of a message that a gateway answered 504 for', async () => {
      world.fake.fail({ status: 504 });
      expect(await failure()).toMatchObject({ code: 'unavailable', verdict: 'unknown' });
    });

    test('does not know what became of a message whose answer was cut', async () => {
      world.fake.fail('cut');
      expect(await failure()).toMatchObject({ verdict: 'unknown' });
      expect(world.fake.received).toHaveLength(1);
    });

    test('gives up at the deadline where no answer comes, not knowing what became of the message', async () => {
      world.fake.fail('silence');
      const started = performance.now();
      expect(await failure()).toMatchObject({ verdict: 'unknown' });
      expect(performance.now() - started).toBeGreaterThanOrEqual(TIMEOUT - 5);
      expect(world.fake.received).toHaveLength(1);
    });

    test.each([400, 401, 403, 404, 410])('takes %i for the end of the channel', async (status) => {
      const refused = { status, body: world.planted.join(' ') };
      const tries = status === 400 && world.triesLess ? 2 : 1;
      world.fake.fail(...Array.from({ length: tries }, () => refused));
      expect(await failure()).toMatchObject({
        code: status === 400 ? 'bad_message' : 'refused',
        verdict: 'permanent',
      });
      expect(world.fake.received).toHaveLength(tries);
    });

    test.each([301, 302, 303, 307, 308])('follows no %i to another host', async (status) => {
      await using elsewhere = await serve((_request, response) => response.end('ok'), {
        tls: await ca.issue(),
      });
      world.fake.fail({ status, headers: { location: `${elsewhere.url}/v2/enqueue` } });
      expect(await failure()).toMatchObject({ code: 'redirected', verdict: 'permanent' });
      expect(elsewhere.connections()).toBe(0);
    });

    test.each(make().statusOnly ? [] : [200])(
      'takes a %i of something else for no success',
      async (status) => {
        world.fake.fail({ status, body: '<html>Please log in</html>' });
        expect(await failure()).toMatchObject({ code: 'unexpected_answer', verdict: 'unknown' });
      },
    );

    test('tells that nothing was sent where nobody listens', async () => {
      await server.close();
      expect(await failure()).toMatchObject({ code: 'connect', verdict: 'retryable' });
    });

    test('sends nothing to a server whose certificate is not trusted', async () => {
      const strict = open(testNet(await makeCa(), { timeoutMs: TIMEOUT }));
      expect(await failure(strict)).toMatchObject({ code: 'tls', verdict: 'retryable' });
      expect(world.fake.received).toEqual([]);
    });

    test('delivers many messages at once, each once', async () => {
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
      await Promise.all(
        keys.map((dedupKey) =>
          channel.deliver(messageOf({ alert: { ...ALERT, dedupKey, title: dedupKey } })),
        ),
      );
      const bodies = world.fake.received.map(({ body }) => body);
      for (const key of keys) expect(bodies.filter((body) => body.includes(`${key}"`))).toHaveLength(1);
      expect(world.taken()).toBe(20);
    });
  });
}
