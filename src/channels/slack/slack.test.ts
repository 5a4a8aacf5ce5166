import { describe, expect, test } from 'vitest';
import { gather, type Owed } from '../../alerting/gather.ts';
import { type Alert, type DeliveryEvent, KeywardenError, SECOND, SecretSource } from '../../model/index.ts';
import { makeCa, serve, testNet } from '../../net/testing/index.ts';
import { channelContract, messageOf, NOW, secretOf, testContext } from '../contract.suite.ts';
import { create } from './adapter.ts';
import { slackFake } from './fake.ts';
import { layout, layoutBundle } from './layout.ts';

const TOKEN = 'XkT9mPq2LrVw7sBn4HcJ8dYz';
const PATH = `/services/T0PLANTED1/B0PLANTED2/${TOKEN}`;

function config(webhookUrl: SecretSource, timeout = 1_500) {
  return { kind: 'slack' as const, webhookUrl, timeout, allowPlaintextLoopback: false };
}

channelContract('Slack', () => {
  const fake = slackFake(PATH);
  return {
    fake,
    planted: [PATH, TOKEN, 'T0PLANTED1', 'B0PLANTED2'],
    taken: () => fake.posted.length,
    create: (context, origin, timeout) =>
      create({ ...context, config: config(secretOf(`${origin}${PATH}`), timeout) }),
  };
});

describe('the Slack message', () => {
  test('of a trigger has headline, facts, what happened and what to do, context and links', () => {
    expect(layout(messageOf(), NOW)).toEqual({
      text: 'CRITICAL: Vault refuses the new key of frameflow-prod',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
      blocks: [
        {
          type: 'header',
          text: {
            type: 'plain_text',
            text: 'CRITICAL: Vault refuses the new key of frameflow-prod',
            emoji: false,
          },
        },
        {
          type: 'section',
          fields: [
            mrkdwn('*Credential*\nframeflow-prod'),
            mrkdwn('*Environment*\nfootage/production'),
            mrkdwn('*Deadline*\n2026-10-01T10:00:00Z (in 1h)'),
            mrkdwn('*Key*\nkey_9Xc1'),
            mrkdwn('*Addresses*\n198.51.100.7'),
            mrkdwn('*Code*\nforbidden'),
          ],
        },
        {
          type: 'section',
          text: mrkdwn(
            'Readers of vault keep the old key, which ends with the overlap. Keywarden goes on trying.\n' +
              '*What to do:* Give Keywarden the right to write, then run `keywarden rotation 0199 retry`',
          ),
        },
        {
          type: 'context',
          elements: [mrkdwn('Alert 0199c1d2 · publish-failed · 2026-10-01T08:59:00Z · footage/production')],
        },
        {
          type: 'actions',
          elements: [
            button('Runbook', 'https://runbooks.internal/keywarden/publish-failed'),
            button('Keywarden', 'https://keywarden.example.com/'),
          ],
        },
      ],
    });
  });

  test('of an end is short', () => {
    expect(layout(messageOf({ event: 'resolve' }), NOW).blocks).toEqual([
      {
        type: 'section',
        text: mrkdwn(
          '*Resolved: Vault refuses the new key of frameflow-prod*\nIt ended at 2026-10-01T09:00:00Z, after 1m.',
        ),
      },
      {
        type: 'context',
        elements: [mrkdwn('Alert 0199c1d2 · publish-failed · 2026-10-01T08:59:00Z · footage/production')],
      },
    ]);
  });

  test('of a trigger that comes after the end says since when it is over', () => {
    const { text, blocks } = layout(messageOf({ alert: { ...messageOf().alert, state: 'resolved' } }), NOW);
    expect(text).toBe('CRITICAL (over): Vault refuses the new key of frameflow-prod');
    expect(JSON.stringify(blocks)).toContain('Over since 2026-10-01T09:00:00Z. Readers of vault keep');
  });

  test('names the place of a runbook that has no address', () => {
    const message = messageOf({ runbook: 'docs/runbooks/publish-failed.md' });
    expect(JSON.stringify(layout(message, NOW))).toContain(
      'footage/production · runbook: docs/runbooks/publish-failed.md"',
    );
    expect(JSON.stringify(layout(messageOf(), NOW))).not.toContain('runbook: ');
  });

  test('that may have arrived before says so', () => {
    expect(JSON.stringify(layout(messageOf({ repeat: true }), NOW))).toContain(
      '"Possible repeat · Alert 0199c1d2',
    );
    expect(JSON.stringify(layout(messageOf(), NOW))).not.toContain('repeat');
  });

  test('shows what a provider wrote and mentions nobody', () => {
    const title = '<!channel> <@U1> @here & @Everyone';
    const { text } = layout(messageOf({ alert: { ...messageOf().alert, title } }), NOW);
    expect(text).toBe('CRITICAL: &lt;!channel&gt; &lt;@U1&gt; @\u2060here &amp; @\u2060Everyone');
  });

  test('has only links to http and https, percent-encoded', () => {
    const links = [
      { text: 'bad', href: 'javascript:alert(1)' },
      { text: 'worse', href: 'not a url' },
      { text: 'long', href: `https://runbooks.internal/${'x'.repeat(1_000)}` },
      { text: 'good', href: 'https://runbooks.internal/a b|<c>' },
    ];
    expect(layout(messageOf({ links }), NOW).blocks?.at(-1)).toEqual({
      type: 'actions',
      elements: [button('good', 'https://runbooks.internal/a%20b|%3Cc%3E')],
    });
  });
});

describe('the Slack message of several alerts', () => {
  const owed = (id: string, fields: Partial<Alert> = {}, event: DeliveryEvent = 'trigger'): Owed => ({
    alert: { ...messageOf().alert, id, ...fields },
    delivery: {
      id,
      alertId: id,
      channel: 'team',
      event,
      state: 'pending',
      attempts: 0,
      lastError: null,
      createdAt: NOW,
      at: null,
    },
  });
  const { installation, environment, links, runbook } = messageOf();
  const around = { installation, environment, links: links.slice(1), runbook, repeat: false };

  test('has a line for each, graver ones first, and says what is over', () => {
    const first = owed('a', { severity: 'warning', title: 'Vault is slow' });
    const over = owed('c', { title: 'It was <odd>', state: 'resolved' });
    const bundle = gather(first, [owed('b'), over]);
    expect(layoutBundle({ ...around, bundle })).toEqual({
      text: '2 alerts: 1 critical, 1 warning; 1 more is over · publish-failed of frameflow-prod',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
      blocks: [
        {
          type: 'header',
          text: {
            type: 'plain_text',
            text: '2 alerts: 1 critical, 1 warning; 1 more is over · publish-failed of frameflow-prod',
            emoji: false,
          },
        },
        {
          type: 'section',
          text: mrkdwn(
            '• CRITICAL: Vault refuses the new key of frameflow-prod · b\n• Warning: Vault is slow · a\n• Over: It was &lt;odd&gt; · c',
          ),
        },
        {
          type: 'context',
          elements: [
            mrkdwn('3 alerts · from 2026-10-01T08:59:00Z to 2026-10-01T09:00:00Z (1m) · footage/production'),
          ],
        },
        { type: 'actions', elements: [button('Keywarden', 'https://keywarden.example.com/')] },
      ],
    });
  });

  test('lists ten and counts the rest; one that may have arrived before says so', () => {
    const others = Array.from({ length: 36 }, (_, index) => owed(`b${index}`, { kind: 'store-drift' }));
    const { text, blocks } = layoutBundle({ ...around, bundle: gather(owed('a'), others), repeat: true });
    expect(text).toBe('37 alerts: 37 critical');
    const [, section] = blocks as Array<{ text: { text: string } }>;
    const lines = section?.text.text.split('\n');
    expect([lines?.length, lines?.at(-1)]).toEqual([
      11,
      'and 27 more: `keywarden alerts list --all` shows them',
    ]);
    expect(JSON.stringify(blocks)).toContain('"Possible repeat · 37 alerts');
  });

  test('cuts the title of a line that is too long, never the id that `alerts ack` takes', () => {
    const id = '0199c1d2-7a31-7c55-8f00-3c1d5e0a9b42';
    const bundle = gather(owed(id, { title: '<&>'.repeat(60) }), [owed('b')]);
    const [, section] = layoutBundle({ ...around, bundle }).blocks as Array<{ text: { text: string } }>;
    const [line = ''] = section?.text.text.split('\n') ?? [];
    expect(line.endsWith(`… · ${id}`)).toBe(true);
    expect(line.length).toBeLessThanOrEqual(222);
  });

  test('names the place of a runbook that has no address', () => {
    const bundle = gather(owed('a'), [owed('b')]);
    const blocks = (place: string) => JSON.stringify(layoutBundle({ ...around, bundle, runbook: place }));
    expect(blocks('docs/runbooks/README.md')).toContain(
      'footage/production · runbook: docs/runbooks/README.md"',
    );
    expect(blocks(runbook)).not.toContain('runbook: ');
  });
});

describe('the webhook URL', () => {
  test('is read anew for each message, so that a changed one serves at once', async () => {
    const ca = await makeCa();
    const fake = slackFake('/services/new');
    await using server = await serve(fake.handler, { tls: await ca.issue() });
    const net = testNet(ca);
    let path = '/services/old';
    const channel = create({
      ...testContext(net).context,
      config: config(source(async () => `${server.url}${path}`)),
    });
    await expect(channel.deliver(messageOf())).rejects.toMatchObject({ failure: { verdict: 'permanent' } });
    path = '/services/new';
    await channel.deliver(messageOf());
    expect(fake.posted).toHaveLength(1);
    await net.close();
  });

  test.each([
    ['no-url-XkT9', 'it is no URL'],
    ['http://hooks.example.com/XkT9', 'plain http is refused'],
    ['http://127.0.0.1:9/XkT9', 'allowPlaintextLoopback'],
  ])('%s is refused and not shown', async (url, why) => {
    const net = testNet(null);
    const channel = create({ ...testContext(net).context, config: config(secretOf(url)) });
    const error = await channel.deliver(messageOf()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ failure: { code: 'bad_webhook_url', verdict: 'permanent' } });
    expect(String(error)).toContain(why);
    expect(String(error)).toContain('environment variable CHANNEL_SECRET');
    expect(String(error)).not.toContain('XkT9');
    await net.close();
  });

  test('that cannot be read now may be read later', async () => {
    const net = testNet(null);
    const gone = source(async () => {
      throw new KeywardenError('secret_unavailable', 'file /run/secrets/slack is missing');
    });
    const channel = create({ ...testContext(net).context, config: config(gone, 10 * SECOND) });
    await expect(channel.deliver(messageOf())).rejects.toMatchObject({
      failure: {
        code: 'secret_unavailable',
        verdict: 'retryable',
        message: 'file /run/secrets/slack is missing',
      },
    });
    await net.close();
  });
});

function source(read: () => Promise<string>): SecretSource {
  const made = new SecretSource({ env: 'CHANNEL_SECRET' });
  made.bind(async () => await secretOf(await read()).read());
  return made;
}

function mrkdwn(text: string) {
  return { type: 'mrkdwn', text, verbatim: true };
}

function button(text: string, url: string) {
  return { type: 'button', text: { type: 'plain_text', text, emoji: false }, url };
}
