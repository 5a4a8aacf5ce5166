import { describe, expect, it } from 'vitest';
import { DAY, type LogEvent, MINUTE, SECOND } from '../model/index.ts';
import { begun, episodes, play, rulesWith } from './testing/play.ts';
import { event, onTime, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = {
  from: START,
  until: START + 6 * 60 * MINUTE,
  rules: rulesWith({ detectors: { 'rate-limit-saturation': { window: 5 * MINUTE, share: 0.2 } } }),
};

/** Calls one second apart, of which one in `nth` is answered with 429; the last of two addresses gets those. */
function calls(from: number, count: number, nth: number): LogEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const limited = index % nth === nth - 1;
    const time = START + from + index * SECOND;
    const ip = limited ? '203.0.113.9' : '203.0.113.5';
    return event({ id: `call-${time}`, time, ip, status: limited ? 429 : 200 });
  });
}

describe('a rate limit that is spent', () => {
  it('is told with who spends it, once, and ended after an hour below it', () => {
    const told = play(onTime(calls(0, 600, 3)), SCRIPT);
    expect(begun(told)).toHaveLength(1);
    expect(told.at(-1)?.finding).toMatchObject({
      kind: 'rate-limit-saturation',
      severity: 'warning',
      condition: 'key_9Xc1',
      ips: ['203.0.113.9'],
      evidence: { count: 200 },
      ended: true,
    });
    expect(told[0]?.polledAt).toBeLessThanOrEqual(START + 3 * MINUTE);
    // The twentieth refusal, one every three seconds.
    expect(told[0]?.finding).toMatchObject({ at: START + 59 * SECOND, firstEventAt: START + 2 * SECOND });
  });

  it('is none below the share, with few refusals, or where only the last minute is bad', () => {
    expect(play(onTime(calls(0, 1_800, 9)), SCRIPT)).toEqual([]);
    expect(play(onTime(calls(0, 40, 3)), SCRIPT)).toEqual([]);
    const tail = [...calls(0, 285, 1_000), ...calls(285 * SECOND, 15, 1)];
    expect(play(onTime(tail), SCRIPT)).toEqual([]);
  });

  it('takes in the half window before: what came at once after many good calls is little', () => {
    const dense = Array.from({ length: 1_200 }, (_, index) =>
      event({ id: `dense-${index}`, time: START + index * 120 }),
    );
    const burst = Array.from({ length: 60 }, (_, index) =>
      event({ id: `burst-${index}`, time: START + 151 * SECOND + index * 100, status: 429 }),
    );
    expect(play(onTime([...dense, ...burst]), SCRIPT)).toEqual([]);
    expect(begun(play(onTime(burst), SCRIPT))).toHaveLength(1);
  });

  it.each([1, 2])('is the same in any order, however often it is shown, over restarts (seed %i)', (seed) => {
    const events = calls(0, 600, 2);
    const expected = episodes(play(onTime(events), SCRIPT));
    expect(expected).toHaveLength(1);
    const script = { ...SCRIPT, restart: true };
    expect(episodes(play(repeated(shuffled(events, seed), seed), script))).toEqual(expected);
    const few = calls(0, 3_600, 12);
    expect(play(repeated(shuffled(few, seed), seed), { ...script, until: START + DAY / 4 })).toEqual([]);
  });
});
