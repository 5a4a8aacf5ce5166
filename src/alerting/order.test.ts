import { describe, expect, test } from 'vitest';
import type { Delivery } from '../model/index.ts';
import { HOUR, MINUTE } from '../model/index.ts';
import { acknowledge } from './acknowledge.ts';
import { attend } from './attend.ts';
import { beginDelivery, foldDelivery, planDelivery } from './delivery.ts';
import { process } from './pipeline.ts';
import { Memory, NOW, raise, resolve, route } from './testing/memory.ts';
import { capsOf } from './throttle.ts';

/** What becomes of each message to the channel that had to wait, in the order in which they were owed. */
function plans(memory: Memory, channel: string): string[] {
  const own = [...memory.deliveries.values()];
  const wakes = capsOf(memory.channels[channel] ?? '').wakes;
  return own
    .filter((one) => one.channel === channel && one.state === 'pending')
    .map(
      (one) => `${one.event} ${planDelivery(one, own, { severity: memory.only().severity, late: wakes })}`,
    );
}

/** Every message that waits comes to this. */
function settle(memory: Memory, state: Delivery['state']): void {
  for (const one of memory.deliveries.values())
    if (one.state === 'pending')
      memory.deliveries.set(one.id, { ...one, state, attempts: 1, at: memory.now });
}

const woken = (changes: ReturnType<Memory['take']>) =>
  changes.flatMap((change) => (change.type === 'work.wake' ? [change.id] : []));

describe('after the clock was set back', () => {
  test('a rise to critical replaces what was owed before it, and not the other way round', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.now -= HOUR;
    memory.take(raise({ severity: 'critical' }));
    expect(plans(memory, 'team')).toEqual(['trigger cancel', 'trigger send']);
    memory.now -= HOUR;
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    memory.take(resolve());
    const times = [...memory.deliveries.values()]
      .filter(({ channel }) => channel === 'oncall')
      .map(({ createdAt }) => createdAt - NOW);
    expect(times).toEqual([1, 2, 3]);
  });

  test('a rise to critical that a silence kept quiet is told when that ends', () => {
    const memory = new Memory();
    memory.take(raise());
    settle(memory, 'delivered');
    memory.now -= HOUR;
    const silence = { id: 's', kind: [], credential: [], severity: [], reason: '', author: 'ops' };
    memory.silences = [{ ...silence, createdAt: memory.now, endsAt: memory.now + MINUTE }];
    memory.take(raise({ severity: 'critical' }));
    expect(memory.sent()).toEqual(['trigger team']);
    memory.now += MINUTE;
    const context = { ...memory.context(), refusals: 3 };
    expect(attend(memory.only(), [...memory.deliveries.values()], context).owed).toEqual(['oncall', 'team']);
  });
});

test('an acknowledgement that waits is void once the alert has got worse, and one of that is sent', () => {
  const memory = new Memory();
  memory.routes = [route({ channels: ['oncall'] })];
  memory.take(raise());
  memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
  expect(plans(memory, 'oncall')).toEqual(['trigger send', 'acknowledge wait']);
  memory.take(raise({ severity: 'critical' }));
  expect(plans(memory, 'oncall')).toEqual(['trigger cancel', 'acknowledge cancel', 'trigger send']);
  const settled = [...memory.deliveries.values()].filter(({ event }) => event === 'trigger');
  for (const one of settled) memory.deliveries.set(one.id, { ...one, state: 'delivered' });
  memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
  expect(plans(memory, 'oncall')).toEqual(['acknowledge cancel', 'acknowledge send']);
});

test('an alert that may have arrived before it was refused for good is ended there', () => {
  const memory = new Memory();
  memory.routes = [route({ channels: ['oncall'] })];
  memory.take(raise());
  const lost = { code: 'timeout', verdict: 'unknown', message: '' } as const;
  const refused = { code: 'bad_message', verdict: 'permanent', message: '' } as const;
  for (const one of memory.deliveries.values()) {
    const turn = { now: memory.now, unit: 0, overSince: null };
    const first = foldDelivery(beginDelivery(one, memory.now).delivery, lost, turn).delivery;
    const second = foldDelivery(beginDelivery(first, memory.now).delivery, refused, turn).delivery;
    expect(second.state).toBe('failed');
    memory.deliveries.set(one.id, second);
  }
  memory.take(resolve());
  expect(plans(memory, 'oncall')).toEqual(['resolve send']);
});

describe('what is over before it could be told', () => {
  const critical = () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    return memory;
  };

  test('wakes nobody, and is looked at when it ends; where nobody is woken it is told', () => {
    const memory = critical();
    const ids = [...memory.deliveries.values()].map(({ id, channel }) => [channel, id]);
    const ended = memory.take(resolve());
    expect(plans(memory, 'oncall')).toEqual(['trigger cancel', 'resolve wait']);
    expect(plans(memory, 'team')).toEqual(['trigger send', 'resolve wait']);
    expect(woken(ended)).toEqual([Object.fromEntries(ids).oncall]);
  });

  test('is ended where it may have arrived', () => {
    const memory = critical();
    const lost = { code: 'no_answer', verdict: 'unknown', message: '' } as const;
    for (const one of memory.deliveries.values())
      memory.deliveries.set(one.id, { ...one, attempts: 1, lastError: lost });
    memory.take(resolve());
    expect(plans(memory, 'oncall')).toEqual(['trigger cancel', 'resolve wait']);
    for (const one of memory.deliveries.values())
      if (one.event === 'trigger') memory.deliveries.set(one.id, { ...one, state: 'cancelled' });
    expect(plans(memory, 'oncall')).toEqual(['resolve send']);
  });

  test('is not told once more where its begin was told', () => {
    const memory = new Memory();
    memory.routes = [route({ channels: ['team'] })];
    memory.take(raise());
    settle(memory, 'delivered');
    memory.take(raise({ severity: 'critical' }));
    expect(plans(memory, 'team')).toEqual(['trigger send']);
    memory.take(resolve());
    expect(plans(memory, 'team')).toEqual(['trigger cancel', 'resolve wait']);
  });
});

test('a commit of many ends looks at each message a few times, however many there are', () => {
  const memory = new Memory();
  const conditions = Array.from({ length: 400 }, (_, index) => `c-${index}`);
  memory.take(...conditions.map((condition) => raise({ condition })));
  let looks = 0;
  const deliveries = [...memory.deliveries.values()].map((one) => ({
    ...one,
    get alertId() {
      looks += 1;
      return one.alertId;
    },
  }));
  const ends = conditions.map((condition) => resolve({ condition }));
  const changes = process(ends, memory.latest(), { ...memory.context(), deliveries });
  expect(changes.filter(({ type }) => type === 'delivery.put')).toHaveLength(400);
  expect(looks).toBeLessThan(10 * 400);
});
