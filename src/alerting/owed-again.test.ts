import { describe, expect, test } from 'vitest';
import type { Delivery, Severity } from '../model/index.ts';
import { acknowledge } from './acknowledge.ts';
import { attend } from './attend.ts';
import { owe } from './outbox.ts';
import { Memory, raise, resolve, route } from './testing/memory.ts';

/** An alert whose triggers came to this. */
function told(state: Delivery['state'], severity: Severity = 'warning'): Memory {
  const memory = new Memory();
  memory.take(raise({ severity }));
  for (const one of memory.deliveries.values()) memory.deliveries.set(one.id, { ...one, state });
  return memory;
}

/** `trigger team` of what is owed anew, applied. */
function again(memory: Memory, refusals = Number.POSITIVE_INFINITY): string[] {
  const before = memory.sent().length;
  const context = { ...memory.context(), refusals };
  const own = [...memory.deliveries.values()];
  const { owed } = attend(memory.only(), own, context);
  memory.apply(owed.flatMap((channel) => owe(memory.only(), 'trigger', channel, { ...context, own })));
  return memory.sent().slice(before);
}

describe('an open alert of which nobody was told', () => {
  test('is owed again once, where the routes send it by now', () => {
    const memory = told('failed', 'critical');
    expect(again(memory)).toEqual(['trigger oncall', 'trigger team']);
    expect(again(memory)).toEqual([]);
  });

  test('because its channel is no longer configured goes to the others', () => {
    const memory = told('pending', 'critical');
    delete memory.channels.oncall;
    expect(again(memory)).toEqual([]);
    delete memory.channels.team;
    memory.channels.other = 'slack';
    memory.routes = [route({ channels: ['other'] })];
    expect(again(memory)).toEqual(['trigger other']);
  });

  test.each(['failed', 'cancelled'] as const)('with a trigger that is %s is owed again', (state) => {
    expect(again(told(state))).toEqual(['trigger team']);
  });

  test('is no longer offered to a channel that has refused it often enough', () => {
    expect([again(told('failed'), 2), again(told('failed'), 1)]).toEqual([['trigger team'], []]);
  });
});

test('nothing is owed again that somebody was told of, that is for information, taken on or over', () => {
  const offered = [again(told('delivered')), again(told('pending')), again(told('failed', 'info'))];
  expect(offered).toEqual([[], [], []]);
  const taken = told('failed');
  taken.apply(acknowledge(taken.only(), 'ops', taken.context()));
  const over = told('failed');
  over.take(resolve());
  expect([again(taken), again(over)]).toEqual([[], []]);
});
