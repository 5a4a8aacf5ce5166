import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import { failureOf, type ProviderWorld, providerContract, testContext } from '../contract.suite.ts';
import { providers } from '../index.ts';
import { create } from './adapter.ts';
import { FakeStockflow } from './fake.ts';
import { schema } from './schema.ts';

const DAY = 86_400_000;
const ca = await makeCa();
const tls = await ca.issue();
const net = testNet(ca);
afterAll(() => net.close());

async function makeWorld(config: object = {}) {
  const fake = new FakeStockflow();
  const { url } = await fake.listen(tls);
  const parsed = schema.parse({ kind: 'stockflow', apiUrl: url, timeout: '20s', ...config });
  const provider = create(testContext(parsed, net));
  return {
    fake,
    provider,
    key: fake.key,
    planted: ['PlantedKey'],
    replyNext: (reply) => fake.replyNext(reply),
    revoke: (key) => fake.revoke(key),
    arrived: () => fake.arrived.length,
    stop: () => fake.close(),
    end: async () => {
      await provider.close();
      await fake.close();
    },
  } satisfies ProviderWorld & Record<string, unknown>;
}

async function world(config: object = {}) {
  const made = await makeWorld(config);
  onTestFinished(made.end);
  return made;
}

providerContract('StockFlow', providers.stockflow.defaults, (timeoutMs) =>
  makeWorld({ timeout: `${timeoutMs}ms` }),
);

describe('a test of a key', () => {
  it('is a minimal search, and tells no id', async () => {
    const { provider, fake } = await world();
    expect(await provider.verify(fake.key)).toEqual({ keyId: null });
    const [request] = fake.arrived;
    expect(request).toMatchObject({ method: 'POST', path: '/v2/search', body: '{"query":"keywarden"}' });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${fake.key.reveal()}`,
      'content-type': 'application/json',
    });
  });

  it('keeps it alive', async () => {
    const { provider, fake } = await world();
    fake.now += 60 * DAY;
    await provider.verify(fake.key);
    fake.now += 60 * DAY;
    await provider.verify(fake.key);
    fake.now += 90 * DAY;
    await expect(provider.verify(fake.key)).rejects.toMatchObject({ failure: { verdict: 'rejected' } });
  });

  it('takes a test key as well as a live one', async () => {
    const { provider, fake } = await world();
    const key = Secret.from('sk_test_PlantedKeyPlantedKey1');
    fake.add(key);
    expect(await provider.verify(key)).toEqual({ keyId: null });
  });

  it('is nothing over plain http', async () => {
    const made = await world({ apiUrl: 'http://api.stockflow.example' });
    expect((await failureOf(made, made.provider.verify(made.key))).failure).toMatchObject({
      code: 'plaintext_refused',
      verdict: 'permanent',
    });
  });

  it.each([
    ['another status in it', { status: 401, request_id: 'r', results: [] }],
    ['results that are none', { status: 200, request_id: 'r', results: { length: 0 } }],
    ['no results', { status: 200, request_id: 'r' }],
    ['results by a prototype', '{"__proto__": {"results": []}}'],
  ])('proves nothing where a 200 comes with %s', async (_name, body) => {
    const made = await world();
    made.replyNext({ status: 200, body: typeof body === 'string' ? body : JSON.stringify(body) });
    const { failure } = await failureOf(made, made.provider.verify(made.key));
    expect(failure).toMatchObject({ code: 'unusable_answer', verdict: 'unknown' });
    expect(failure.message).toContain('StockFlow');
  });

  it('takes a page of 1 MB and nothing larger', async () => {
    const made = await world();
    const page = (bytes: number) => {
      const body = JSON.stringify({ status: 200, results: [''] });
      return { status: 200, body: body.replace('""', `"${'x'.repeat(bytes - body.length)}"`) };
    };
    made.replyNext(page(1024 * 1024));
    expect(await made.provider.verify(made.key)).toEqual({ keyId: null });
    made.replyNext(page(1024 * 1024 + 1));
    expect((await failureOf(made, made.provider.verify(made.key))).code).toBe('too_large');
  });
});

describe('a key that is not accepted', () => {
  it('is rejected, and is not tried again before retry_after is over', async () => {
    const made = await world();
    made.revoke(made.key);
    expect((await failureOf(made, made.provider.verify(made.key))).failure).toMatchObject({
      code: 'unauthorized',
      verdict: 'rejected',
      retryAfterMs: 30_000,
    });
    const { failure } = await failureOf(made, made.provider.verify(made.key, { urgent: true }));
    expect(failure).toMatchObject({ code: 'rate_limited', verdict: 'retryable' });
    expect(failure.retryAfterMs).toBeGreaterThan(20_000);
    expect(failure.message).toContain('asked for no call with this key');
    expect(made.arrived()).toBe(1);
  });

  it('keeps no other key back', async () => {
    const made = await world();
    const revoked = Secret.from('sk_live_PlantedKeyPlantedKey9');
    expect((await failureOf(made, made.provider.verify(revoked))).failure.verdict).toBe('rejected');
    expect(await made.provider.verify(made.key)).toEqual({ keyId: null });
  });

  it('is tried again at once where StockFlow names no wait', async () => {
    const made = await world();
    made.replyNext({ status: 401 });
    const { failure } = await failureOf(made, made.provider.verify(made.key));
    expect([failure.verdict, failure.retryAfterMs]).toEqual(['rejected', undefined]);
    expect(await made.provider.verify(made.key)).toEqual({ keyId: null });
  });

  it.each([
    ['Retry-After', { 'retry-after': '45' }, 45_000],
    ['the longer of both', { 'Retry-After': '5', retry_after: '60' }, 60_000],
  ])('waits as %s says', async (_name, headers, expected) => {
    const made = await world();
    made.replyNext({ status: 401, headers });
    const { failure } = await failureOf(made, made.provider.verify(made.key));
    expect(failure).toMatchObject({ verdict: 'rejected', retryAfterMs: expected });
  });
});

it('a key without read_media cannot be tested; its failure says what it lacks', async () => {
  const made = await world();
  const key = Secret.from('sk_live_PlantedKeyPlantedKey2');
  made.fake.add(key, ['upload_asset']);
  const { failure } = await failureOf(made, made.provider.verify(key));
  expect(failure).toMatchObject({ code: 'forbidden', verdict: 'permanent' });
  expect(failure.message).toContain('lacks the permission read_media');
});

describe('the rate limit', () => {
  it.each([
    ['standard', 1_200],
    ['enterprise', 5_000],
    [{ requestsPerMinute: 4_000 }, 4_000],
  ])('of tier %j is %i a minute, of which Keywarden uses its share', async (tier, perMinute) => {
    // A share of two calls a minute: the first two go at once, the third half a minute later.
    const made = await world({ tier, rateShare: 2 / perMinute });
    for (const _call of [1, 2]) await made.provider.verify(made.key);
    const { failure } = await failureOf(made, made.provider.verify(made.key));
    expect(failure.retryAfterMs).toBeGreaterThan(25_000);
    expect(failure.retryAfterMs).toBeLessThanOrEqual(30_000);
    await made.provider.verify(made.key, { urgent: true });
    expect(made.arrived()).toBe(3);
  });

  it('is a tenth of the standard tier by default', () => {
    expect(schema.parse({ kind: 'stockflow' })).toMatchObject({ tier: 'standard', rateShare: 0.1 });
  });

  it('ends its waits when the provider is closed', async () => {
    const made = await world({ tier: { requestsPerMinute: 60 }, rateShare: 1 / 60, timeout: '2m' });
    await made.provider.verify(made.key);
    const waiting = failureOf(made, made.provider.verify(made.key));
    await made.provider.close();
    expect((await waiting).failure).toMatchObject({ code: 'closed', verdict: 'retryable' });
  });
});

it('the kind in the table of providers loads this adapter and states its defaults', async () => {
  expect(await providers.stockflow.load()).toBe(create);
  expect(providers.stockflow.defaults).toEqual({
    overlap: 259_200_000,
    settle: { minimum: 0, budget: 120_000, successes: 1 },
    rotates: false,
    hasLog: false,
    inactivity: 90 * DAY,
  });
});
