import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import { begun, episodes, play, rulesWith } from './testing/play.ts';
import { event, onTime, repeated, shuffled } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = {
  from: START,
  until: START + 40 * DAY,
  every: HOUR,
  rules: rulesWith({ detectors: { 'dormant-key': { after: 30 * DAY } } }),
};

function use(at: number, over: Partial<LogEvent> = {}): LogEvent {
  return event({ id: `use-${at}-${JSON.stringify(over)}`, time: START + at, ...over });
}

const WOKEN = [use(0), use(31 * DAY, { ip: '198.51.100.7' }), use(31 * DAY + 4 * MINUTE)];

describe('a key that rested', () => {
  it('is told when it is accepted again, with the time it rested, and ended after a day', () => {
    const told = play(onTime(WOKEN), SCRIPT);
    expect(begun(told)).toHaveLength(1);
    expect(told[0]?.finding).toMatchObject({
      kind: 'dormant-key',
      severity: 'warning',
      condition: 'key_9Xc1',
      firstEventAt: START + 31 * DAY,
      evidence: { rested: '31d', lastUsed: '2026-10-01T00:00:00Z' },
    });
    expect(told[0]?.finding.title).toBe(
      'key_9Xc1 is used again after 31d: from 198.51.100.7 (DE) and 1 more',
    );
    expect(told.at(-1)?.finding.ended).toBe(true);
  });

  it('names the time over a restart, while its case is open', () => {
    const told = play(onTime(WOKEN), { ...SCRIPT, restart: true });
    expect(told.at(-1)?.finding).toMatchObject({ ended: true, evidence: { rested: '31d' } });
  });

  it('is none where it was refused in between or is refused now, or rested for less, or is new', () => {
    const short = [use(0), use(29 * DAY), use(39 * DAY)];
    expect(play(onTime(short), SCRIPT)).toEqual([]);
    expect(play(onTime([use(35 * DAY)]), SCRIPT)).toEqual([]);
    expect(play(onTime([use(0), use(35 * DAY, { status: 401 })]), SCRIPT)).toEqual([]);
    const knocked = [use(0), use(15 * DAY, { status: 401 }), use(31 * DAY)];
    expect(begun(play(onTime(knocked), SCRIPT))).toHaveLength(1);
  });

  it('is not woken by an event that comes late or again', () => {
    const busy = Array.from({ length: 38 }, (_, day) => use(day * DAY));
    const again = [...onTime(busy), ...busy.map((found) => ({ event: found, at: START + 39 * DAY }))];
    expect(play(again, SCRIPT)).toEqual([]);
  });

  it.each([1, 2, 3])('is the same in any order and however often its calls are shown (seed %i)', (seed) => {
    const edge = [
      use(0),
      use(30 * DAY - 2 * MINUTE),
      use(30 * DAY - MINUTE),
      use(30 * DAY + MINUTE),
      use(30 * DAY + 3 * MINUTE),
    ];
    const expected = episodes(play(onTime(edge), SCRIPT));
    expect(expected).toHaveLength(1);
    expect(episodes(play(repeated(shuffled(edge, seed), seed), { ...SCRIPT, every: MINUTE }))).toEqual(
      expected,
    );
  });
});
