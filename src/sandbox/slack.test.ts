import { describe, expect, test } from 'vitest';
import { START, world } from './testing/world.ts';

const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });

test('a message is taken with the text ok and can be read as it was posted', async () => {
  const { sandbox, call } = await world();
  const body = { text: 'key rotated', blocks: [section('*key rotated*')] };
  const answer = await call(sandbox.slack.webhookUrl, { method: 'POST', body });
  expect([answer.status, answer.text]).toEqual([200, 'ok']);
  expect(sandbox.slack.messages()).toEqual([{ receivedAt: START, text: 'key rotated', payload: body }]);
});

test('the old form with the JSON in a field is taken too', async () => {
  const { sandbox, call } = await world();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ payload: '{"text":"hi"}' }).toString();
  expect((await call(sandbox.slack.webhookUrl, { method: 'POST', headers, body })).text).toBe('ok');
  expect(sandbox.slack.messages()[0]?.text).toBe('hi');
});

test('another path is no service; the path of each sandbox is a secret of its own', async () => {
  const { sandbox, call } = await world();
  const other = await world();
  const { pathname } = new URL(other.sandbox.slack.webhookUrl);
  expect(pathname).toMatch(/^\/services\/T[A-Z0-9]+\/B[A-Z0-9]+\/[A-Za-z0-9]{24}$/);
  const answer = await call(new URL(pathname, sandbox.slack.webhookUrl).href, {
    method: 'POST',
    body: { text: 'x' },
  });
  expect([answer.status, answer.text]).toEqual([404, 'no_service']);
});

test('a GET is refused', async () => {
  const { sandbox, call } = await world();
  expect((await call(sandbox.slack.webhookUrl)).status).toBe(405);
});

describe('a message', () => {
  test.each([
    ['that is no JSON', '{"text":', 'invalid_payload'],
    ['that is no object', '"hi"', 'invalid_payload'],
    ['whose text is no text', { text: 7 }, 'invalid_payload'],
    ['without text', {}, 'no_text'],
    ['with an empty text', { text: '' }, 'no_text'],
    ['with blocks that are no list', { blocks: {} }, 'invalid_blocks'],
    ['with 51 blocks', { blocks: Array.from({ length: 51 }, () => section('x')) }, 'invalid_blocks'],
    ['with a section of 3001 characters', { blocks: [section('x'.repeat(3001))] }, 'invalid_blocks'],
    ['with an empty section', { blocks: [section('')] }, 'invalid_blocks'],
    [
      'with a header of 151 characters',
      { blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] },
      'invalid_blocks',
    ],
    [
      'with 11 fields',
      {
        blocks: [
          { type: 'section', fields: Array.from({ length: 11 }, () => ({ type: 'mrkdwn', text: 'x' })) },
        ],
      },
      'invalid_blocks',
    ],
    [
      'with a button that leads nowhere',
      {
        blocks: [
          {
            type: 'actions',
            elements: [{ type: 'button', text: { type: 'plain_text', text: 'Go' }, url: 'nowhere' }],
          },
        ],
      },
      'invalid_blocks',
    ],
    [
      'with 101 attachments',
      { text: 'x', attachments: Array.from({ length: 101 }, () => ({})) },
      'too_many_attachments',
    ],
  ])('%s gets 400 and is not posted', async (_, body, code) => {
    const { sandbox, call } = await world();
    const answer = await call(sandbox.slack.webhookUrl, { method: 'POST', body });
    expect([answer.status, answer.text]).toEqual([400, code]);
    expect(sandbox.slack.messages()).toEqual([]);
  });

  test('within Block Kit’s limits is posted', async () => {
    const { sandbox, call } = await world();
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: 'x'.repeat(150) } },
      section('x'.repeat(3000)),
      {
        type: 'section',
        fields: Array.from({ length: 10 }, () => ({ type: 'mrkdwn', text: 'x'.repeat(2000) })),
      },
      { type: 'divider' },
      { type: 'context', elements: [{ type: 'mrkdwn', text: 'x' }] },
      {
        type: 'actions',
        elements: [{ type: 'button', text: { type: 'plain_text', text: 'Go' }, url: 'https://x.example/' }],
      },
    ];
    expect((await call(sandbox.slack.webhookUrl, { method: 'POST', body: { blocks } })).text).toBe('ok');
  });
});

describe('waiting', () => {
  test('gives what is already there or what comes', async () => {
    const { sandbox, call } = await world();
    const post = (text: string) => call(sandbox.slack.webhookUrl, { method: 'POST', body: { text } });
    const coming = sandbox.slack.waitFor(({ text }) => text === 'second');
    await post('first');
    await post('second');
    expect((await coming).text).toBe('second');
    expect((await sandbox.slack.waitFor(({ text }) => text === 'first')).text).toBe('first');
  });

  test('ends with an error when the time is up or the sandbox closes', async () => {
    const { sandbox } = await world();
    const never = () => false;
    await expect(sandbox.slack.waitFor(never, { timeoutMs: 5 })).rejects.toThrow(
      'no such Slack message within 5 ms',
    );
    const waiting = expect(sandbox.slack.waitFor(never)).rejects.toThrow('the sandbox was closed');
    await sandbox.close();
    await waiting;
  });
});
