import { describe, expect, it } from 'vitest';
import { Distinct, markOf } from './distinct.ts';

function of(from: number, count: number, prefix = 'evt_'): Distinct {
  const found = new Distinct();
  for (let index = from; index < from + count; index += 1) found.add(markOf(`${prefix}${index}`));
  return found;
}

describe('a count of different events', () => {
  it.each([1, 5, 20, 60, 150, 200, 1_000, 20_000, 300_000])(
    'is near the truth at %i, whatever the ids look like',
    (count) => {
      const errors = ['evt_', 'a', 'req-2026-10-01-', '6f1c']
        .map((prefix) => of(1_000_000, count, prefix).count / count - 1)
        .map(Math.abs);
      expect(Math.max(...errors)).toBeLessThan(0.4);
      expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.2);
    },
  );

  it('is nothing before the first, and changes with no repeat and no order', () => {
    expect([new Distinct().count, new Distinct().save()]).toEqual([0, '']);
    const once = of(0, 500);
    const again = of(0, 500);
    for (let index = 499; index >= 0; index -= 1) expect(again.add(markOf(`evt_${index}`))).toBe(false);
    const backwards = new Distinct();
    for (let index = 499; index >= 0; index -= 1) backwards.add(markOf(`evt_${index}`));
    expect([again.save(), backwards.save()]).toEqual([once.save(), once.save()]);
  });

  it('is the same after it was stored, and of two counts what both hold counts once', () => {
    const found = of(0, 3_000);
    expect(Distinct.load(found.save()).count).toBe(found.count);
    expect(found.save()).toMatch(/^[0-9:;<=>?@A-Z]{64}$/);
    const other = of(1_500, 3_000);
    found.absorb(other);
    expect(found.save()).toBe(of(0, 4_500).save());
  });
});
