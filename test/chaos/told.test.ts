import { expect, test } from 'vitest';
import { gather, type Owed } from '../../src/alerting/gather.ts';
import { messageOf, NOW } from '../../src/channels/contract.suite.ts';
import { layout, layoutBundle } from '../../src/channels/slack/layout.ts';
import type { Alert, Delivery } from '../../src/model/index.ts';
import type { SlackMessage } from '../../src/sandbox/index.ts';
import { untold } from './told.ts';

/** As it stands once everything is settled. */
function owedOf(id: string, at: number, fields: Partial<Delivery> = {}, alert: Partial<Alert> = {}): Owed {
  return {
    alert: { ...messageOf().alert, id, kind: 'key-orphaned', ...alert },
    delivery: {
      id: `${id}-${at}`,
      alertId: id,
      channel: 'team',
      event: 'trigger',
      state: 'delivered',
      attempts: 1,
      lastError: null,
      createdAt: NOW,
      at,
      ...fields,
    },
  };
}

function single(receivedAt: number, { delivery, alert }: Owed): SlackMessage {
  return posted(receivedAt, layout(messageOf({ event: delivery.event, alert }), NOW));
}

function several(receivedAt: number, [first, ...others]: readonly [Owed, ...Owed[]]): SlackMessage {
  return posted(receivedAt, layoutBundle({ ...messageOf(), bundle: gather(first, others) }));
}

function posted(receivedAt: number, payload: object): SlackMessage {
  return { receivedAt, text: String((payload as { readonly text?: string }).text), payload: { ...payload } };
}

const idsTo = (count: number): readonly string[] => Array.from({ length: count }, (_, nth) => `alert-${nth}`);

function owedTo(count: number, at: number): readonly [Owed, ...Owed[]] {
  const [first = 'alert-0', ...others] = idsTo(count);
  return [owedOf(first, at), ...others.map((id) => owedOf(id, at))];
}

test('what one message each told is told, and so is its end', () => {
  const begin = owedOf('a', 10);
  const end = owedOf('a', 20, { event: 'resolve' }, { state: 'resolved' });
  expect(untold([single(9, begin), single(19, end)], [begin, end])).toEqual([]);
});

test.each([2, 10, 11, 37])('%i alerts of one message are told by it', (count) => {
  const owed = owedTo(count, 10);
  expect(untold([several(9, owed)], owed)).toEqual([]);
});

test('an end that was settled with its begin is told where that says it is over', () => {
  const over: Partial<Alert> = { state: 'resolved' };
  const begins = [owedOf('a', 10, {}, over), owedOf('b', 10)] as const;
  const end = owedOf('a', 10, { event: 'resolve' }, over);
  expect(untold([several(9, begins)], [...begins, end])).toEqual([]);
  const holding = [owedOf('a', 10), owedOf('b', 10)] as const;
  expect(untold([several(9, holding)], [...begins, end])).toHaveLength(3);
});

test('a message that came twice, since its first answer was lost, tells once', () => {
  const owed = owedOf('a', 20);
  expect(untold([single(9, owed), single(19, owed)], [owed])).toEqual([]);
});

test.each([
  ['nothing came', [], [owedOf('a', 10)]],
  ['it came after it counted as delivered', [single(11, owedOf('a', 10))], [owedOf('a', 10)]],
  ['only its begin came', [single(9, owedOf('a', 10))], [owedOf('a', 10, { event: 'resolve' })]],
  ['another alert was told', [single(9, owedOf('b', 10))], [owedOf('a', 10)]],
  ['one message told one of two', [single(9, owedOf('a', 10))], owedTo(2, 10).slice(1)],
])('where %s, that is a fault', (_, messages, owed) => {
  expect(untold(messages, owed)).toEqual([
    `key-orphaned (${owed[0]?.delivery.event}) for team counts as delivered and never arrived`,
  ]);
});

test.each([
  ['names one fewer', 3, 4],
  ['names one more', 4, 3],
  ['counts one fewer', 12, 13],
  ['counts one more', 13, 12],
])('a message that %s than were settled with it told none of them', (_, told, settled) => {
  const faults = untold([several(9, owedTo(told, 10))], owedTo(settled, 10));
  expect(faults).toHaveLength(settled);
  expect(faults[0]).toContain(`with ${settled - 1} more, and no message of all of them arrived`);
});

test('one message does not tell twice', () => {
  const message = several(9, owedTo(12, 10));
  expect(untold([message], [...owedTo(12, 10), ...owedTo(12, 20)])).toHaveLength(12);
});

test('a message whose counts do not fit what it names is a fault', () => {
  const owed = owedTo(12, 10);
  const message = several(9, owed);
  const bent = JSON.parse(JSON.stringify(message).replaceAll('and 2 more', 'and 3 more')) as SlackMessage;
  expect(untold([bent], owed)[0]).toBe(`"${message.text}" names 10 alerts and counts 3 more`);
});

test('what was not delivered is no concern of the messages', () => {
  expect(untold([], [owedOf('a', 10, { state: 'cancelled' }), owedOf('b', 10, { state: 'failed' })])).toEqual(
    [],
  );
});
