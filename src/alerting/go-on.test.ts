import { expect, test } from 'vitest';
import { mayBeTakenOn } from './go-on.ts';
import { Memory, raise, route } from './testing/memory.ts';

/** A warning that rose to critical before PagerDuty had it; what came of the messages of either. */
function risen(first: 'delivered' | 'cancelled', second: 'delivered' | 'failed'): boolean {
  const memory = new Memory();
  memory.routes = [route({ channels: ['oncall', 'team'] })];
  memory.take(raise());
  memory.take(raise({ severity: 'critical' }));
  const own = [...memory.deliveries.values()].map((one, index) => ({
    ...one,
    state: index < 2 ? first : second,
  }));
  return mayBeTakenOn(memory.only(), ['oncall'], own, memory.channels);
}

test('what PagerDuty has as what it is goes on under its key, also where it had the lesser a moment before', () => {
  expect(risen('cancelled', 'delivered')).toBe(false);
  expect(risen('delivered', 'delivered')).toBe(false);
});

test('what PagerDuty has as the lesser alone may be taken on', () => {
  expect(risen('delivered', 'failed')).toBe(true);
  expect(risen('cancelled', 'failed')).toBe(false);
});
