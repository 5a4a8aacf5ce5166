import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import { failureOf, providerContract, testContext } from '../contract.suite.ts';
import { providers } from '../index.ts';
import { type LogWorld, logContract } from '../log.suite.ts';
import { mintContract } from '../mint.suite.ts';
import { create } from './adapter.ts';
import { FakeFrameflow } from './fake.ts';
import { schema } from './schema.ts';

const ca = await makeCa();
const tls = await ca.issue();
const net = testNet(ca);
afterAll(() => net.close());
const PLANTED = ['PlantedKey'];

async function makeWorld(config: object = {}) {
  const fake = new FakeFrameflow();
  const { url } = await fake.listen(tls);
  const parsed = schema.parse({
    kind: 'frameflow',
    apiUrl: url,
    timeout: '20s',
    tier: 'pro',
    rateShare: 1,
    ...config,
  });
  const provider = create(testContext(parsed, net));
  const end = async () => {
    await provider.close();
    await fake.close();
  };
  return {
    fake,
    provider,
    key: fake.key,
    planted: PLANTED,
    replyNext: (reply) => fake.replyNext(reply),
    addEvents: (count) => fake.addEvents(count),
    revoke: (key) => fake.revoke(key),
    arrived: () => fake.arrived.length,
    stop: () => fake.close(),
    end,
  } satisfies LogWorld & Record<string, unknown>;
}

async function world(config: object = {}) {
  const made = await makeWorld(config);
  onTestFinished(made.end);
  return made;
}

const patient = (timeoutMs: number) => makeWorld({ timeout: `${timeoutMs}ms` });
providerContract('FrameFlow', providers.frameflow.defaults, patient);
mintContract('FrameFlow', patient);
logContract('FrameFlow', patient);

const MINT = { idempotencyKey: 'idem-1', trigger: 'scheduled' } as const;
const READ = { cursor: null, since: null, limit: 100 } as const;
const fault = (code: string) => JSON.stringify({ error: { code, message: 'PlantedKey' } });

describe('what FrameFlow is sent', () => {
  it('to mint: the key, the idempotency key and the reason', async () => {
    const { provider, fake } = await world();
    await provider.mint(fake.key, { idempotencyKey: 'idem-7', trigger: 'emergency' });
    const [request] = fake.arrived;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/auth/rotate',
      body: '{"reason":"emergency"}',
    });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${fake.key.reveal()}`,
      'idempotency-key': 'idem-7',
      'content-type': 'application/json',
    });
  });

  it('to verify: the cheapest read', async () => {
    const { provider, fake } = await world();
    expect(await provider.verify(fake.key)).toEqual({ keyId: 'key_0' });
    expect(fake.arrived[0]).toMatchObject({ method: 'GET', path: '/v1/auth/logs', query: { limit: '1' } });
  });

  it('to read: the cursor alone where there is one, else the time, and a limit within bounds', async () => {
    const { provider, fake } = await world();
    await provider.readLog(fake.key, { cursor: '0', since: 5, limit: 9_999 });
    await provider.readLog(fake.key, { cursor: null, since: Date.UTC(2026, 0, 2), limit: 0 });
    await provider.readLog(fake.key, { cursor: null, since: null, limit: 7 });
    expect(fake.arrived.map(({ query }) => query)).toEqual([
      { limit: '1000', cursor: '0' },
      { limit: '1', since: '2026-01-02T00:00:00Z' },
      { limit: '7' },
    ]);
  });

  it('is nothing over plain http', async () => {
    const { provider, fake, ...rest } = await world({ apiUrl: 'http://api.frameflow.example' });
    expect((await failureOf(rest, provider.verify(fake.key))).failure).toMatchObject({
      code: 'plaintext_refused',
      verdict: 'permanent',
    });
  });
});

describe('what FrameFlow answers', () => {
  it.each([
    [403, 'ip_not_allowed', { code: 'ip_not_allowed', verdict: 'permanent' }, 'IP allowlist'],
    [409, 'in_progress', { code: 'in_progress', verdict: 'retryable' }, 'still at work'],
    [503, 'maintenance', { code: 'unavailable', verdict: 'retryable', retryAfterMs: 5_000 }, '503'],
    [401, 'invalid_key', { code: 'unauthorized', verdict: 'rejected' }, 'not accepted'],
  ])('%d %s is told apart', async (status, code, expected, said) => {
    const made = await world();
    made.replyNext({ status, headers: { 'retry-after': '5' }, body: fault(code) });
    const { failure } = await failureOf(made, made.provider.mint(made.key, MINT));
    expect(failure).toMatchObject(expected);
    expect(failure.message).toContain(said);
    expect(failure.message).toContain('POST /v1/auth/rotate');
  });

  it('410 to a read is an expired cursor', async () => {
    const made = await world();
    made.replyNext({ status: 410, body: fault('cursor_expired') });
    const read = made.provider.readLog(made.key, { ...READ, cursor: 'old' });
    expect((await failureOf(made, read)).failure).toMatchObject({
      code: 'cursor_expired',
      verdict: 'permanent',
    });
  });

  it('200 to a mint counts as an answer too', async () => {
    const made = await world();
    made.replyNext({ status: 200, body: 'whatever it is' });
    expect((await made.provider.mint(made.key, MINT)).raw.reveal()).toBe('whatever it is');
  });

  it('a key id that is none is left out', async () => {
    const made = await world();
    const body = JSON.stringify({ events: [], has_more: false });
    for (const id of ['ff_live_PlantedKeyPlantedKey0', 'a b', 'x'.repeat(200)]) {
      made.replyNext({ status: 200, headers: { 'x-key-id': id }, body });
      expect(await made.provider.verify(made.key)).toEqual({ keyId: null });
    }
  });

  it('a page of the log may have 8 MB, all else 64 KB', async () => {
    const made = await world();
    const page = (bytes: number) => {
      const body = JSON.stringify({ events: [], has_more: false, padding: '' });
      return { status: 200, body: body.replace('""', `"${'x'.repeat(bytes - body.length)}"`) };
    };
    made.replyNext(page(8 * 1024 * 1024));
    expect((await made.provider.readLog(made.key, READ)).events).toEqual([]);
    made.replyNext(page(8 * 1024 * 1024 + 1));
    expect((await failureOf(made, made.provider.readLog(made.key, READ))).code).toBe('too_large');
    made.replyNext(page(64 * 1024));
    expect((await made.provider.verify(made.key)).keyId).toBe(null);
    made.replyNext(page(64 * 1024 + 1));
    expect((await failureOf(made, made.provider.verify(made.key))).code).toBe('too_large');
    made.replyNext(page(64 * 1024 + 1));
    expect((await failureOf(made, made.provider.mint(made.key, MINT))).code).toBe('too_large');
  });

  it('entries that cannot be read are counted and the others kept', async () => {
    const made = await world();
    made.addEvents(2);
    made.fake.events.splice(1, 0, { id: 7 }, [], Object.create(null), { id: 'evt_x', time: 'yesterday' });
    const page = await made.provider.readLog(made.key, READ);
    expect([page.events.map(({ id }) => id), page.skipped]).toEqual([['evt_0', 'evt_1'], 4]);
  });

  it.each([
    ['the same cursor', { events: [{}], next_cursor: 'here', has_more: true }, 'here'],
    ['no cursor', { events: [{}], next_cursor: null, has_more: true }, null],
    ['no events', { events: [], next_cursor: 'there', has_more: true }, 'there'],
    ['a cursor of the wrong type', { events: [{}], next_cursor: 5, has_more: true }, null],
  ])('has_more with %s does not make its reader turn forever, and is told', async (_name, body, cursor) => {
    const made = await world();
    made.replyNext({ status: 200, body: JSON.stringify(body) });
    const page = await made.provider.readLog(made.key, { ...READ, cursor: 'here' });
    expect([page.hasMore, page.nextCursor]).toEqual([false, cursor]);
    expect(page.stuck).toMatch(/^FrameFlow says that there is more in the log and gives no/);
  });
});

describe('the rate limit', () => {
  it('lets Keywarden use its share of each key, and the rest in an emergency', async () => {
    const made = await world({ tier: { requestsPerMinute: 6 }, rateShare: 0.3, timeout: '5s' });
    await made.provider.verify(made.key);
    const { failure } = await failureOf(made, made.provider.verify(made.key));
    expect(failure).toMatchObject({ code: 'rate_limited', verdict: 'retryable' });
    expect(failure.retryAfterMs).toBeGreaterThan(5_000);
    expect(made.arrived()).toBe(1);
    await made.provider.verify(made.key, { urgent: true });
    const minted = made.provider.parseMint(
      (await made.provider.mint(made.key, { ...MINT, trigger: 'emergency' })).raw,
    );
    await made.provider.verify(minted.key);
    expect(made.arrived()).toBe(4);
  });

  it('remembers what FrameFlow says is left', async () => {
    const made = await world();
    expect(made.provider.remaining(made.key)).toBe(null);
    await made.provider.verify(made.key);
    expect(made.provider.remaining(made.key)).toBe(117);
    made.replyNext({ status: 429 });
    await failureOf(made, made.provider.verify(made.key));
    expect(made.provider.remaining(made.key)).toBe(0);
  });

  it('ends its waits when the provider is closed', async () => {
    const made = await world({ tier: { requestsPerMinute: 60 }, rateShare: 1 / 60, timeout: '2m' });
    await made.provider.verify(made.key);
    const waiting = failureOf(made, made.provider.verify(made.key));
    await made.provider.close();
    expect((await waiting).failure).toMatchObject({ code: 'closed', verdict: 'retryable' });
  });
});

describe('the kind in the table of providers', () => {
  it('loads this adapter and states its defaults', async () => {
    expect(await providers.frameflow.load()).toBe(create);
    expect(providers.frameflow.defaults).toEqual({
      overlap: 259_200_000,
      settle: { minimum: 30_000, budget: 120_000, successes: 2 },
      rotates: true,
      hasLog: true,
      inactivity: null,
    });
  });

  it('tells a FrameFlow key by its form', () => {
    const provider = create(testContext(schema.parse({ kind: 'frameflow' }), net));
    const fits = (value: string) => provider.malformed(Secret.from(value)) === null;
    expect(fits(`ff_live_${'a'.repeat(16)}`)).toBe(true);
    expect(fits(`ff_live_${'Z9'.repeat(32)}`)).toBe(true);
    expect(fits(`ff_live_${'a'.repeat(15)}`)).toBe(false);
    expect(fits(`ff_live_${'a'.repeat(65)}`)).toBe(false);
    expect(fits(`ff_live_${'a'.repeat(16)}\n`)).toBe(false);
    expect(fits(`ff_test_${'a'.repeat(16)}`)).toBe(false);
  });

  it('lets any FrameFlow key follow another', () => {
    const provider = create(testContext(schema.parse({ kind: 'frameflow' }), net));
    const [one, other] = ['a', 'b'].map((letter) => Secret.from(`ff_live_${letter.repeat(16)}`));
    expect(one && other && provider.mismatch(one, other)).toBe(null);
  });
});
