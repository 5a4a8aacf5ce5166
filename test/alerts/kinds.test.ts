import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pagerdutyFaults, slackFaults, webhookFaults } from '../../src/channels/hostile.suite.ts';
import { layout } from '../../src/channels/slack/layout.ts';
import { ALERT_KINDS, MINUTE } from '../../src/model/index.ts';
import { alertFrom } from './kinds/alert.ts';
import { RAISERS } from './kinds/index.ts';
import { textOf } from './kinds/text.ts';

const FOLDER = join(import.meta.dirname, 'snapshots');
/** Before a run writes what is missing: nobody has read that. */
const READ = existsSync(FOLDER) ? readdirSync(FOLDER) : [];

test('every kind of alert has a snapshot that somebody has read, and nothing else has one', () => {
  expect(READ.toSorted()).toEqual(ALERT_KINDS.map((kind) => `${kind}.txt`).toSorted());
});

describe.each(ALERT_KINDS)('an alert of the kind %s', (kind) => {
  const made = async () => alertFrom(await RAISERS[kind]());

  test('reads in Slack and at PagerDuty as its snapshot does', async () => {
    const { alert, message } = await made();
    expect(alert.kind).toBe(kind);
    await expect(textOf(message, alert.lastSeenAt + MINUTE)).toMatchFileSnapshot(join(FOLDER, `${kind}.txt`));
  });

  test('keeps to every limit of Slack, PagerDuty and the webhook', async () => {
    const { message, alert } = await made();
    const now = alert.lastSeenAt + MINUTE;
    const faults = [
      ...slackFaults(layout(message, now)),
      ...pagerdutyFaults(message),
      ...webhookFaults(message),
    ];
    expect(faults).toEqual([]);
  });

  test('says what to do, in its text or by its runbook, and shows its verdict whole', async () => {
    const { alert, message } = await made();
    // A phone shows some hundred characters; Slack's header has 150, the severity included.
    expect(alert.title.length).toBeLessThanOrEqual(138);
    expect(alert.summary.length).toBeLessThanOrEqual(1_000);
    if (alert.severity !== 'info') expect(alert.action).not.toBeNull();
    expect(textOf(message, alert.lastSeenAt)).toContain(`docs/runbooks/`);
  });

  test('shows every command as one, names no moment twice, and calls nothing over that still holds', async () => {
    const { alert, message } = await made();
    expect((alert.action ?? '').replaceAll(/`[^`]*`/g, '')).not.toMatch(
      /\b(?:keywarden [a-z]|chmod|timedatectl)/,
    );
    expect(alert.summary).not.toMatch(/between (\S+) and \1/);
    expect(textOf(message, alert.lastSeenAt)).not.toMatch(/\(over\)|Over since/);
  });
});
