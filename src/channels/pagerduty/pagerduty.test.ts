import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Net } from '../../model/index.ts';
import { makeCa, type Served, serve, testNet } from '../../net/testing/index.ts';
import { ALERT, channelContract, messageOf, NOW, secretOf, testContext } from '../contract.suite.ts';
import type { Channel } from '../contract.ts';
import { create } from './adapter.ts';
import { alertEvent } from './event.ts';
import { type PagerdutyFake, pagerdutyFake } from './fake.ts';

const KEY = 'R7PLANTED0ROUTING0KEY00000000042';

function config(eventsUrl: string, timeout = 1_500, allowPlaintextLoopback = false) {
  return {
    kind: 'pagerduty' as const,
    routingKey: secretOf(KEY),
    eventsUrl,
    timeout,
    allowPlaintextLoopback,
  };
}

channelContract('PagerDuty', () => {
  const fake = pagerdutyFake(KEY);
  return {
    fake,
    planted: [KEY, 'R7PLANTED0'],
    triesLess: true,
    taken: () => fake.events.length,
    create: (context, origin, timeout) => create({ ...context, config: config(origin, timeout) }),
  };
});

describe('PagerDuty', () => {
  let fake: PagerdutyFake;
  let server: Served;
  let net: Net;
  let channel: Channel;

  beforeAll(async () => {
    const ca = await makeCa();
    server = await serve((request, response) => fake.handler(request, response), { tls: await ca.issue() });
    net = testNet(ca);
    channel = create({ ...testContext(net).context, config: config(server.url) });
  });

  beforeEach(() => {
    fake = pagerdutyFake(KEY);
  });

  afterAll(async () => {
    await net.close();
    await server.close();
  });

  test('opens, acknowledges and resolves one incident under the dedup key', async () => {
    const seen: Array<string | undefined> = [];
    for (const event of ['trigger', 'trigger', 'acknowledge', 'resolve'] as const) {
      await channel.deliver(messageOf({ event }));
      seen.push(fake.incidents.get(ALERT.dedupKey));
    }
    expect(seen).toEqual(['triggered', 'triggered', 'acknowledged', 'resolved']);
    expect(fake.incidents.size).toBe(1);
  });

  test('takes a report of something that is over as a change event, never as an incident', async () => {
    const alert = { ...ALERT, kind: 'rotation-completed', severity: 'info', state: 'resolved' } as const;
    await channel.deliver(messageOf({ alert }));
    expect(fake.incidents.size).toBe(0);
    expect(fake.received.map(({ path }) => path)).toEqual(['/v2/change/enqueue']);
    expect(fake.changes).toMatchObject([
      { payload: { source: 'footage', timestamp: '2026-10-01T09:00:00Z' } },
    ]);
  });

  test('opens an incident for a grave event, which it does not call over', async () => {
    const event = { kind: 'foreign-mint', severity: 'critical', state: 'resolved', transient: true } as const;
    await channel.deliver(messageOf({ alert: { ...ALERT, ...event } }));
    expect(fake.incidents.get(ALERT.dedupKey)).toBe('triggered');
    expect(fake.events[0]?.payload?.custom_details).toMatchObject({ 'what happened': ALERT.summary });
  });

  test.each(['critical', 'warning'] as const)(
    'opens and then resolves an incident for a %s that ended before it could be told',
    async (severity) => {
      const alert = { ...ALERT, severity, state: 'resolved' } as const;
      const seen: Array<string | undefined> = [];
      for (const event of ['trigger', 'resolve'] as const) {
        await channel.deliver(messageOf({ alert, event }));
        seen.push(fake.incidents.get(ALERT.dedupKey));
      }
      expect(seen).toEqual(['triggered', 'resolved']);
      expect(fake.changes).toEqual([]);
      expect(fake.events[0]?.payload?.custom_details).toMatchObject({
        'what happened': `Over since 2026-10-01T09:00:00Z. ${ALERT.summary}`,
      });
    },
  );

  describe('that refuses an event with 400', () => {
    const REFUSED = { status: 400, body: '{"status":"invalid event"}' };

    test('gets a minimal one under the same dedup key, once', async () => {
      fake.fail(REFUSED);
      await channel.deliver(messageOf());
      expect(fake.received).toHaveLength(2);
      expect(fake.incidents.get(ALERT.dedupKey)).toBe('triggered');
      expect(fake.events).toEqual([
        {
          routing_key: KEY,
          event_action: 'trigger',
          dedup_key: ALERT.dedupKey,
          payload: {
            summary: 'publish-failed: frameflow-prod (see `keywarden alerts list --all`)',
            source: 'footage',
            severity: 'critical',
          },
        },
      ]);
    });

    test('and refuses the minimal one too has lost the message, whole or not', async () => {
      fake.fail(REFUSED, REFUSED);
      await expect(channel.deliver(messageOf())).rejects.toMatchObject({
        failure: { code: 'bad_message', verdict: 'permanent' },
      });
      expect(fake.received).toHaveLength(2);
    });

    test('is not sent that one again when the minimal one has to wait', async () => {
      const message = messageOf({ id: 'throttled' });
      fake.fail(REFUSED, { status: 429, headers: { 'retry-after': '7' } });
      await expect(channel.deliver(message)).rejects.toMatchObject({
        failure: { verdict: 'retryable', retryAfterMs: 7_000 },
      });
      await channel.deliver(message);
      const sizes = fake.received.map(({ body }) => body.includes('custom_details'));
      expect(sizes).toEqual([true, false, false]);
    });

    test.each(['acknowledge', 'resolve'] as const)('of event %s gets no other', async (event) => {
      fake.fail(REFUSED);
      await expect(channel.deliver(messageOf({ event }))).rejects.toMatchObject({
        failure: { verdict: 'permanent' },
      });
      expect(fake.received).toHaveLength(1);
    });

    test('of a change gets a minimal change, never an incident', async () => {
      const alert = { ...ALERT, kind: 'rotation-completed', severity: 'info', state: 'resolved' } as const;
      fake.fail(REFUSED);
      await channel.deliver(messageOf({ alert }));
      expect(fake.received.map(({ path }) => path)).toEqual(['/v2/change/enqueue', '/v2/change/enqueue']);
      expect(fake.incidents.size).toBe(0);
      const summary = 'rotation-completed: frameflow-prod (see `keywarden alerts list --all`)';
      expect(fake.changes).toEqual([{ routing_key: KEY, payload: { summary, source: 'footage' } }]);
    });
  });

  test('counts a 202 whose body is damaged as taken', async () => {
    fake.fail({ status: 202, body: '<html>' });
    await channel.deliver(messageOf());
    expect(fake.received).toHaveLength(1);
  });

  test('is reached below a path of its own', async () => {
    const below = create({ ...testContext(net).context, config: config(`${server.url}/relay`) });
    await expect(below.deliver(messageOf())).rejects.toMatchObject({ failure: { verdict: 'permanent' } });
    expect(fake.received.map(({ path }) => path)).toEqual(['/relay/v2/enqueue']);
  });

  test('is reached over plain http on loopback where that is allowed, and else not', async () => {
    await using plain = await serve((request, response) => fake.handler(request, response));
    const open = testNet(null, { allowPlaintextLoopback: true });
    const context = testContext(open).context;
    await create({ ...context, config: config(plain.url, 1_500, true) }).deliver(messageOf());
    expect(fake.events).toHaveLength(1);
    const refusing = create({ ...testContext(net).context, config: config(plain.url) });
    await expect(refusing.deliver(messageOf())).rejects.toMatchObject({
      failure: { code: 'plaintext_refused' },
    });
    expect(fake.received).toHaveLength(1);
    await open.close();
  });
});

describe('the PagerDuty event', () => {
  test('of a trigger tells verdict, severity, where from and what to do', () => {
    expect(alertEvent(messageOf(), KEY, NOW)).toEqual({
      routing_key: KEY,
      event_action: 'trigger',
      dedup_key: 'publish-failed:frameflow-prod:0f1e',
      payload: {
        summary:
          'Vault refuses the new key of frameflow-prod · production · Readers of vault keep the old key, which ends with the overlap. Keywarden goes on trying.',
        severity: 'critical',
        source: 'footage',
        component: 'frameflow',
        group: 'production',
        class: 'publish-failed',
        timestamp: '2026-10-01T09:00:00Z',
        custom_details: {
          'what to do': 'Give Keywarden the right to write, then run `keywarden rotation 0199 retry`',
          'what happened': ALERT.summary,
          deadline: '2026-10-01T10:00:00Z (in 1h)',
          credential: 'frameflow-prod',
          alert: '0199c1d2 · publish-failed · 2026-10-01T08:59:00Z',
          runbook: 'https://runbooks.internal/keywarden/publish-failed',
          code: 'forbidden',
          keyId: 'key_9Xc1',
          ips: '198.51.100.7',
        },
      },
      links: [
        { href: 'https://runbooks.internal/keywarden/publish-failed', text: 'Runbook' },
        { href: 'https://keywarden.example.com/', text: 'Keywarden' },
      ],
      client: 'Keywarden',
      client_url: 'https://keywarden.example.com/',
    });
  });

  test('of an acknowledgement or an end is the dedup key alone', () => {
    expect(alertEvent(messageOf({ event: 'resolve' }), KEY, NOW)).toEqual({
      routing_key: KEY,
      event_action: 'resolve',
      dedup_key: 'publish-failed:frameflow-prod:0f1e',
    });
  });

  test('names what it is about where no provider is concerned', () => {
    const alert = { ...ALERT, credential: undefined, channel: 'team' } as unknown as typeof ALERT;
    expect(alertEvent(messageOf({ alert, provider: null }), KEY, NOW).payload.component).toBe('team');
  });

  test('links the runbook first, and names its place in the package where it has no address', () => {
    const links = messageOf().links;
    expect(alertEvent(messageOf(), KEY, NOW).links?.[0]?.text).toBe('Runbook');
    const message = messageOf({ links: links.slice(1), runbook: 'docs/runbooks/publish-failed.md' });
    const event = alertEvent(message, KEY, NOW);
    expect(event.links?.map(({ text }) => text)).toEqual(['Keywarden']);
    expect(event.payload.custom_details).toMatchObject({ runbook: 'docs/runbooks/publish-failed.md' });
  });

  test('has the verdict in the first hundred characters, whatever follows', () => {
    const summary = 'x'.repeat(5_000);
    const event = alertEvent(messageOf({ alert: { ...ALERT, summary } }), KEY, NOW);
    expect(event.payload.summary.slice(0, 100)).toContain(`${ALERT.title} · production`);
    expect(event.payload.summary.length).toBeLessThanOrEqual(1_024);
  });

  test.each(['critical', 'warning', 'info'] as const)('bears the severity %s as it is', (severity) => {
    const event = alertEvent(messageOf({ alert: { ...ALERT, severity } }), KEY, NOW);
    expect(event.payload.severity).toBe(severity);
  });
});
