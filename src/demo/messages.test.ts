import { describe, expect, test } from 'vitest';
import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';
import { pagerdutyParagraphs, slackParagraphs, wrapped } from './messages.ts';

describe('text', () => {
  test('breaks between words', () => {
    expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrapped('one two', 7)).toEqual(['one two']);
    expect(wrapped('', 7)).toEqual(['']);
  });

  test('is cut within a word that is longer than the line', () => {
    expect(wrapped('a abcdefgh b', 3)).toEqual(['a', 'abc', 'def', 'gh', 'b']);
  });
});

describe('a Slack message', () => {
  const message = (payload: object): SlackMessage => ({
    receivedAt: 0,
    text: 'fallback',
    payload: { ...payload },
  });

  test('is laid out block by block, its markup as Slack would show it', () => {
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: 'CRITICAL: a &lt;b&gt; &amp; c' } },
      { type: 'section', fields: [{ text: '*Key*\nkey_1' }, { text: '*Count*\n7' }] },
      { type: 'section', text: { text: 'It happened.\n*What to do:* look' } },
      { type: 'context', elements: [{ text: 'Alert 1' }] },
    ];
    expect(slackParagraphs(message({ blocks }))).toEqual([
      'CRITICAL: a <b> & c',
      'Key: key_1 · Count: 7',
      'It happened.',
      'What to do: look',
      'Alert 1',
    ]);
  });

  test('without blocks is its text', () => {
    expect(slackParagraphs(message({}))).toEqual(['fallback']);
  });
});

describe('an event of PagerDuty', () => {
  const event = (fields: Partial<PagerDutyEvent>): PagerDutyEvent => {
    return { receivedAt: 0, action: 'trigger', dedupKey: 'spike:log:1', payload: null, body: {}, ...fields };
  };

  test('has what it does first, then its summary, what to do and the rest of the details', () => {
    const payload = {
      summary: 'seven failures',
      severity: 'critical',
      custom_details: {
        'what happened': 'seven failures',
        'what to do': 'look',
        ips: 'x'.repeat(80),
        count: 7,
      },
    };
    expect(pagerdutyParagraphs(event({ payload }))).toEqual([
      'trigger · critical · spike:log:1',
      'seven failures',
      'what to do: look',
      `ips: ${'x'.repeat(70)}… · count: 7`,
    ]);
  });

  test('that ends an incident names it', () => {
    expect(pagerdutyParagraphs(event({ action: 'resolve' }))).toEqual(['resolve · spike:log:1']);
  });
});
