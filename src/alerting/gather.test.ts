import { describe, expect, test } from 'vitest';
import type { Alert, Delivery } from '../model/index.ts';
import { renderBundle } from './digest.ts';
import { gather, type Owed } from './gather.ts';
import { Memory, NOW, raise, resolve } from './testing/memory.ts';
import { capsOf, freeAt, urgencyOf } from './throttle.ts';

let ids = 0;

/** Messages that wait on one channel: `count` of one credential, by severity. */
function owed(count: number, over: Partial<Parameters<typeof raise>[0]> = {}): Owed[] {
  const memory = new Memory();
  ids += 1_000;
  memory.ids = ids;
  memory.take(...Array.from({ length: count }, (_, index) => raise({ condition: `c-${index}`, ...over })));
  return [...memory.deliveries.values()]
    .filter(({ channel }) => channel === 'team')
    .map((delivery) => ({ delivery, alert: memory.alerts.get(delivery.alertId) as Alert }));
}

function bundle(waiting: readonly Owed[], first = waiting[0]) {
  if (first === undefined) throw new Error('nothing waits');
  return gather(first, waiting);
}

describe('what goes out together', () => {
  test('is one alert where nothing like it waits', () => {
    const other = owed(1, { credential: 'other' });
    expect(bundle([...owed(1), ...other])).toMatchObject({ form: 'single', items: [{}] });
  });

  test('is its group: one kind about one credential', () => {
    const alike = owed(4);
    const { form, items } = bundle([...alike, ...owed(3, { credential: 'other' })]);
    expect([form, items.length]).toEqual(['group', 4]);
  });

  test('is a begin by itself, in full, where what it is like has ended', () => {
    const [begin, end] = owed(2);
    if (begin === undefined || end === undefined) throw new Error('two were owed');
    const over = { ...end, delivery: { ...end.delivery, event: 'resolve' as const } };
    expect(gather(begin, [begin, over])).toMatchObject({ form: 'single', items: [begin] });
  });

  test('is all there is once more than ten wait, the gravest first', () => {
    const grave = owed(1, { severity: 'critical', credential: 'c' });
    const { form, items } = bundle([...owed(8), ...owed(4, { kind: 'store-drift' }), ...grave]);
    expect([form, items.length, items[0].alert.severity]).toEqual(['digest', 13, 'critical']);
    expect([bundle(owed(10)).form, bundle(owed(11)).form]).toEqual(['group', 'digest']);
  });

  test('is no more than may go in one message', () => {
    const waiting = owed(12);
    const [first] = waiting;
    if (first === undefined) throw new Error('nothing waits');
    expect([3, 1].map((most) => gather(first, waiting, most).items.length)).toEqual([3, 1]);
  });

  test('never takes a test of the channel along, which goes by itself', () => {
    const [test_] = owed(1, { kind: 'test', channel: 'team', transient: true });
    const waiting = [...owed(20), ...(test_ === undefined ? [] : [test_])];
    expect(bundle(waiting, test_)).toMatchObject({ form: 'single', items: [test_] });
    expect(bundle(waiting).items).toHaveLength(20);
  });
});

describe('a digest', () => {
  test('counts by severity, lists ten, counts the rest, and never shows as live what is over', () => {
    const memory = new Memory();
    const many = Array.from({ length: 30 }, (_, index) =>
      raise({
        condition: `c-${index}`,
        title: `title ${index}`,
        severity: index < 2 ? 'critical' : 'warning',
      }),
    );
    memory.take(...many);
    memory.take(...Array.from({ length: 12 }, (_, index) => resolve({ condition: `c-${index + 18}` })));
    const waiting = [...memory.deliveries.values()]
      .filter(({ channel, event }) => channel === 'team' && event === 'trigger')
      .map((delivery: Delivery) => ({ delivery, alert: memory.alerts.get(delivery.alertId) as Alert }));
    const rendered = renderBundle(bundle(waiting));
    expect(rendered.headline).toBe('18 alerts: 2 critical, 16 warnings; 12 more are over');
    expect(rendered.lines).toHaveLength(10);
    expect(rendered.lines.slice(0, 3)).toEqual([
      { verdict: 'CRITICAL: title 0', id: 'id-1' },
      { verdict: 'CRITICAL: title 1', id: 'id-4' },
      { verdict: 'Warning: title 2', id: 'id-7' },
    ]);
    expect(rendered.rest).toBe('and 20 more: `keywarden alerts list --all` shows them');
    expect(rendered.lines.some(({ verdict }) => verdict.startsWith('Over'))).toBe(false);
  });

  test('of one group names what it is about; one that is over says so', () => {
    expect(renderBundle(bundle(owed(3))).headline).toBe(
      '3 alerts: 3 warnings · publish-failed of frameflow-prod',
    );
    const over = owed(2).map(({ delivery, alert }) => ({
      delivery,
      alert: { ...alert, state: 'resolved' as const },
    }));
    const rendered = renderBundle(bundle(over));
    expect(rendered.headline).toBe('2 alerts are over · publish-failed of frameflow-prod');
    expect(rendered.lines[0]).toMatchObject({ verdict: 'Over: Vault refuses the new key' });
  });

  test('tells an event as what it is, before what is over', () => {
    const mint = { kind: 'foreign-mint', severity: 'critical', title: 'a stranger minted key_2' } as const;
    const ended = owed(1).map(({ delivery, alert }) => ({
      delivery,
      alert: { ...alert, state: 'resolved' as const },
    }));
    const rendered = renderBundle(bundle([...ended, ...owed(10, { ...mint, transient: true })]));
    expect(rendered.headline).toBe('10 alerts: 10 critical; 1 more is over');
    expect(rendered.lines.map(({ verdict }) => verdict)).toEqual(
      Array.from({ length: 10 }, () => 'CRITICAL: a stranger minted key_2'),
    );
  });

  test('stays within its limits whatever titles hold', () => {
    const rendered = renderBundle(bundle(owed(11, { title: '\u202e<!here>\n'.repeat(400) })));
    const lines = rendered.lines.flatMap(({ verdict, id }) => [verdict, id]);
    const all = [rendered.headline, ...lines, rendered.rest ?? '', rendered.context];
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThanOrEqual(300);
    expect(all.join('')).not.toMatch(/[\n\u202e]/);
  });
});

describe('a channel’s next message', () => {
  const slack = capsOf('slack');
  const pagerduty = capsOf('pagerduty');

  test('of Slack waits a second for the one before, and six a minute are the most, one of them kept', () => {
    expect(freeAt([], slack, 'other', NOW)).toBe(NOW);
    expect(freeAt([NOW - 300], slack, 'page', NOW)).toBe(NOW + 700);
    const five = [50, 40, 30, 20, 10].map((ago) => NOW - ago * 1_000);
    expect(freeAt(five, slack, 'other', NOW)).toBe(NOW + 10_000);
    expect(freeAt(five, slack, 'page', NOW)).toBe(NOW);
    expect(freeAt([...five, NOW - 5_000], slack, 'page', NOW)).toBe(NOW + 10_000);
  });

  test('of PagerDuty finds 20 of 100 kept for ends and what is critical', () => {
    const eighty = Array.from({ length: 80 }, (_, index) => NOW - 30_000 + index);
    expect(freeAt(eighty, pagerduty, urgencyOf('trigger', 'warning'), NOW)).toBe(NOW + 30_000);
    expect(freeAt(eighty, pagerduty, urgencyOf('trigger', 'critical'), NOW)).toBe(NOW);
    expect(freeAt(eighty, pagerduty, urgencyOf('resolve', 'warning'), NOW)).toBe(NOW);
    const ninety = [...eighty, ...eighty.slice(0, 10)].sort((a, b) => a - b);
    expect(freeAt(ninety, pagerduty, urgencyOf('resolve', 'critical'), NOW)).toBeGreaterThan(NOW);
    expect(freeAt(ninety, pagerduty, urgencyOf('trigger', 'critical'), NOW)).toBe(NOW);
  });

  test('of any other kind goes at once', () => {
    expect(freeAt([NOW, NOW, NOW], capsOf('webhook'), 'other', NOW)).toBe(NOW);
  });
});
