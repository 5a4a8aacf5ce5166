import { describe, expect, test } from 'vitest';
import { textOf } from '../../../test/tidy/repository.ts';
import { KeywardenError, MINUTE, SecretSource } from '../../model/index.ts';
import { makeCa, serve, testNet } from '../../net/testing/index.ts';
import { ALERT, channelContract, messageOf, NOW, secretOf, testContext } from '../contract.suite.ts';
import { create } from './adapter.ts';
import { bodyOf } from './body.ts';
import { type WebhookBody, webhookFake } from './fake.ts';
import { keyOf, signatureOf } from './sign.ts';

const KEY = Buffer.from('twenty-four bytes or more of it');
const ENCODED = KEY.toString('base64');
const PATH = '/hooks/keywarden';

function config(url: string, signingSecret = secretOf(`whsec_${ENCODED}`), timeout = 1_500) {
  return { kind: 'webhook' as const, url, signingSecret, timeout, allowPlaintextLoopback: false };
}

channelContract('A webhook', () => {
  const fake = webhookFake(PATH, KEY, () => NOW);
  return {
    fake,
    planted: [ENCODED, KEY.toString()],
    statusOnly: true,
    taken: () => fake.accepted.length,
    create: (context, origin, timeout) =>
      create({ ...context, config: config(`${origin}${PATH}`, undefined, timeout) }),
  };
});

describe('the signature', () => {
  // The example of the specification's own libraries (standardwebhooks, javascript/src/webhook.test.ts).
  const example = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  };

  test('is the one of the published example', () => {
    const key = keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    if (key === null) throw new Error('the key was refused');
    expect(signatureOf(example, key)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test.each([
    ['whsec_AAEC', [0, 1, 2]],
    ['plain bytes', [...Buffer.from('plain bytes')]],
    ['AAEC', [...Buffer.from('AAEC')]],
  ])('of the secret %s is made with the bytes that it stands for', (secret, bytes) => {
    expect([...(keyOf(secret) ?? [])]).toEqual(bytes);
  });

  test.each(['', 'whsec_', 'whsec_not base64!'])('cannot be made with the secret "%s"', (secret) => {
    expect(keyOf(secret)).toBeNull();
  });
});

describe('the receiver', () => {
  async function world(secret: SecretSource, now = NOW) {
    const ca = await makeCa();
    const fake = webhookFake(PATH, KEY, () => NOW);
    const server = await serve(fake.handler, { tls: await ca.issue() });
    const net = testNet(ca);
    const { context } = testContext(net);
    const channel = create({
      ...context,
      clock: { ...context.clock, now: () => now },
      config: config(`${server.url}${PATH}`, secret),
    });
    return {
      fake,
      channel,
      [Symbol.asyncDispose]: () => Promise.all([net.close(), server.close()]).then(() => {}),
    };
  }

  test('folds a repeat, which comes under the same id, signed anew', async () => {
    await using both = await world(secretOf(`whsec_${ENCODED}`));
    await both.channel.deliver(messageOf());
    await both.channel.deliver(messageOf({ repeat: true }));
    await both.channel.deliver(messageOf({ id: 'another', event: 'resolve' }));
    expect(both.fake.received).toHaveLength(3);
    expect([...both.fake.taken].map(([id, { type, data }]) => [id, type, data.repeat])).toEqual([
      [messageOf().id, 'alert.triggered', true],
      ['another', 'alert.resolved', false],
    ]);
  });

  test('gets the time of the attempt in seconds, and refuses one that is long ago for good', async () => {
    await using late = await world(secretOf(`whsec_${ENCODED}`), NOW - 6 * MINUTE);
    await expect(late.channel.deliver(messageOf())).rejects.toMatchObject({
      failure: { code: 'refused', verdict: 'permanent' },
    });
    expect(late.fake.received[0]?.headers['webhook-timestamp']).toBe(String((NOW - 6 * MINUTE) / 1_000));
  });

  test('refuses what another secret signed, for good', async () => {
    await using other = await world(secretOf('whsec_AAEC'));
    const failure = await other.channel.deliver(messageOf()).catch((error) => error.failure);
    expect(failure).toMatchObject({ code: 'refused', verdict: 'permanent' });
    expect(failure.message).toContain(
      'the receiver of channel team answered 401; check url and signingSecret',
    );
    expect(other.fake.taken.size).toBe(0);
  });

  test.each([200, 201, 202, 204])('that answers %i has taken it', async (status) => {
    await using any = await world(secretOf(`whsec_${ENCODED}`));
    any.fake.fail({ status });
    await any.channel.deliver(messageOf());
    expect(any.fake.received).toHaveLength(1);
  });

  test.each([
    ['120', 120_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    [new Date(NOW - 90_000).toUTCString(), undefined],
    ['tomorrow', undefined],
    ['999999', 3_600_000],
  ])('that is busy for Retry-After: %s is left in peace so long', async (header, ms) => {
    await using busy = await world(secretOf(`whsec_${ENCODED}`));
    for (const status of [429, 503]) {
      busy.fake.fail({ status, headers: { 'retry-after': header } });
      const failure = await busy.channel.deliver(messageOf()).catch((error) => error.failure);
      expect([failure.verdict, failure.retryAfterMs]).toEqual(['retryable', ms]);
    }
  });

  test('hears nothing where the secret cannot be used, and its text is not shown', async () => {
    await using bad = await world(secretOf('whsec_§§planted§§'));
    const error = await bad.channel.deliver(messageOf()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ failure: { code: 'bad_signing_secret', verdict: 'permanent' } });
    expect(String(error)).toContain('environment variable CHANNEL_SECRET');
    expect(String(error)).not.toContain('planted');
    expect(bad.fake.received).toEqual([]);
  });

  test('hears of it later where the secret cannot be read now', async () => {
    const gone = new SecretSource({ env: 'CHANNEL_SECRET' });
    gone.bind(async () => {
      throw new KeywardenError('secret_unavailable', 'file /run/secrets/siem is missing');
    });
    await using without = await world(gone);
    await expect(without.channel.deliver(messageOf())).rejects.toMatchObject({
      failure: {
        code: 'secret_unavailable',
        verdict: 'retryable',
        message: 'file /run/secrets/siem is missing',
      },
    });
  });
});

describe('the body', () => {
  test('of a trigger holds the whole alert', () => {
    expect(bodyOf(messageOf())).toEqual({
      type: 'alert.triggered',
      timestamp: '2026-10-01T09:00:00Z',
      data: {
        id: '0199c1d2',
        dedupKey: 'publish-failed:frameflow-prod:0f1e',
        kind: 'publish-failed',
        severity: 'critical',
        state: 'triggered',
        title: ALERT.title,
        summary: ALERT.summary,
        action: ALERT.action,
        deadline: '2026-10-01T10:00:00Z',
        credential: 'frameflow-prod',
        monitor: null,
        channel: null,
        transient: false,
        acknowledgedBy: null,
        firstSeenAt: '2026-10-01T08:59:00Z',
        lastSeenAt: '2026-10-01T09:00:00Z',
        count: 1,
        evidence: { ips: ['198.51.100.7'], keyId: 'key_9Xc1', code: 'forbidden' },
        installation: 'footage',
        environment: 'production',
        provider: 'frameflow',
        links: [
          { text: 'Runbook', href: 'https://runbooks.internal/keywarden/publish-failed' },
          { text: 'Keywarden', href: 'https://keywarden.example.com/' },
        ],
        runbook: 'https://runbooks.internal/keywarden/publish-failed',
        repeat: false,
      },
    });
  });

  test('is cut to what a person can use, addresses and key last', () => {
    const many = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`fact ${index}`, 'x'.repeat(1_000)]),
    );
    const ips = Array.from({ length: 500 }, (_, index) => `198.51.100.${index} ${'y'.repeat(100)}`);
    const evidence = { ...many, ips, keyId: 'key_9Xc1' };
    const body = bodyOf(
      messageOf({ alert: { ...ALERT, evidence, summary: 'z'.repeat(9_000) } }),
    ) as WebhookBody;
    const shown = body.data.evidence as typeof evidence;
    expect([Object.keys(shown).length, shown.ips.length, shown.keyId]).toEqual([30, 100, 'key_9Xc1']);
    expect(shown.ips[0]).toHaveLength(50);
    expect(shown['fact 0' as 'keyId']).toHaveLength(300);
    expect(body.data.summary).toHaveLength(2_000);
  });

  test('is the one that docs/alerts.md shows', () => {
    const [, json = ''] = /^```json\n([\s\S]+?)^```$/m.exec(textOf('docs/alerts.md')) ?? [];
    expect(JSON.parse(json)).toEqual(bodyOf(messageOf()));
  });

  test.each([
    ['trigger', 'alert.triggered'],
    ['acknowledge', 'alert.acknowledged'],
    ['resolve', 'alert.resolved'],
  ] as const)('of the event %s has the type %s', (event, type) => {
    expect(bodyOf(messageOf({ event }))).toMatchObject({ type });
  });
});
