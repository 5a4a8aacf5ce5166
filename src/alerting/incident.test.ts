import { expect, test } from 'vitest';
import { type Alert, HOUR, MINUTE } from '../model/index.ts';
import {
  answerDueAt,
  answered,
  type IncidentFacts,
  incidentReport,
  isReportable,
  unanswered,
} from './incident.ts';
import { Memory, NOW, raise } from './testing/memory.ts';

function spike(fields: Partial<Alert> = {}): Alert {
  const memory = new Memory();
  memory.take(
    raise({
      kind: 'failures-then-success',
      severity: 'critical',
      title: '198.51.100.7 was let in after 40 refusals',
      summary: 'It was [refused](http://evil.example) 40 times and then let in.',
      evidence: { ips: ['198.51.100.7', '198.51.100.8'], keyId: 'key_9Xc1', requestIds: ['req_1', 'req_`2'] },
    }),
  );
  return { ...memory.only(), ...fields };
}

const FACTS: IncidentFacts = {
  now: NOW + HOUR,
  installation: 'footage',
  environment: 'production',
  provider: 'frameflow',
  audit: [
    { at: NOW - 3 * HOUR, actor: 'ops', action: 'credential.paused', credential: null, detail: {} },
    { at: NOW + MINUTE, actor: 'ops', action: 'key.compromised', credential: 'frameflow-prod', detail: {} },
  ],
  rotations: [],
  versions: [],
};

test('the report tells what was seen, with every address and request, what was done, and what is asked', () => {
  expect(incidentReport(spike(), FACTS)).toBe(`# Incident: 198.51.100.7 was let in after 40 refusals

Reported by footage (production), 2026-10-01T10:00:00Z. All times are UTC.

## What was seen

- Kind: \`failures-then-success\`
- Severity: \`critical\`
- First seen: \`2026-10-01T08:59:55Z\`
- Last seen: \`2026-10-01T08:59:55Z\`
- Seen: \`1 times\`
- State: \`triggered\`
- Provider: \`frameflow\`
- Credential: \`frameflow-prod\`
- Our reference: \`id-1\`

It was \`[refused](http://evil.example)\` 40 times and then let in.

## Evidence

- ips: \`198.51.100.7, 198.51.100.8\`
- keyId: \`key_9Xc1\`
- requestIds: \`req_1, req_'2\`

## What we have done

- 2026-10-01T09:01:00Z: \`key.compromised by an operator\`

## What we ask of you

1. Which calls with \`key_9Xc1\` do your logs show since 2026-10-01T07:59:55Z, with addresses and request ids?
2. What did those that were accepted read or change?
3. Can a key be revoked at once, should we ask for it?
4. Please send a first answer within four hours.
`);
});

test('what a provider wrote leads and calls nobody who reads the report', () => {
  const summary =
    '@channel ask ops@evil.example, (www.evil.example) <!here> HTTPS://evil.example/`x` or ~~#7~~ ok';
  const report = incidentReport(spike({ title: '@here: key', summary }), FACTS);
  expect(report.split('\n')[0]).toBe('# Incident: `@here:` key');
  expect(report).toContain(
    "\n`@channel` ask `ops@evil.example,` `(www.evil.example)` \\<!here\\> `HTTPS://evil.example/'x'` or \\~\\~\\#7\\~\\~ ok\n",
  );
});

test('the provider’s time runs from the report until it answers, whether the alert is over or not', () => {
  expect(answerDueAt(spike())).toBeNull();
  expect(answerDueAt(spike({ reportedAt: NOW }))).toBe(NOW + 4 * HOUR);
  expect(answerDueAt(spike({ reportedAt: NOW, state: 'acknowledged' }))).toBe(NOW + 4 * HOUR);
  expect(answerDueAt(spike({ reportedAt: NOW, state: 'resolved' }))).toBe(NOW + 4 * HOUR);
});

test('the reminder names the command that ends it, and ends by it', () => {
  const memory = new Memory();
  const alert = spike({ reportedAt: NOW });
  memory.take(unanswered(alert, NOW + 4 * HOUR));
  expect(memory.only()).toMatchObject({
    kind: 'incident-unanswered',
    severity: 'warning',
    credential: 'frameflow-prod',
  });
  expect(memory.only().action).toContain(`keywarden incident ${alert.id} --answered`);
  memory.take(answered(alert, NOW + 5 * HOUR));
  expect(memory.only().state).toBe('resolved');
});

test('only security alerts are reported', () => {
  expect(isReportable({ kind: 'unknown-key' })).toBe(true);
  expect(isReportable({ kind: 'store-drift' })).toBe(false);
});
