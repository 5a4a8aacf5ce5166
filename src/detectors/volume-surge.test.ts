import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent } from '../model/index.ts';
import type { Json } from './stored.ts';
import { begun, episodes, play, rulesWith } from './testing/play.ts';
import { event, onTime, randomFrom, repeated, shuffled } from './testing/traffic.ts';
import { lnChance } from './volume-surge.ts';
import { VolumeHabit } from './volume-surge-habit.ts';
import { OpenHours } from './volume-surge-hour.ts';

/** A Monday. */
const START = Date.UTC(2026, 9, 5);
const RULES = rulesWith({ detectors: { 'volume-surge': {} } });

function hourOf(hour: number, count: number, over: Partial<LogEvent> = {}): LogEvent[] {
  return Array.from({ length: count }, (_, index) =>
    event({
      id: `call-${hour}-${index}-${over.path ?? ''}`,
      time: START + hour * HOUR + Math.floor((index * HOUR) / count),
      ...over,
    }),
  );
}

/** Forty calls an hour from 8 to 17 on weekdays, one an hour else. */
function office(hours: number): LogEvent[] {
  return Array.from({ length: hours }, (_, hour) => {
    const busy = Math.floor(hour / 24) % 7 < 5 && hour % 24 >= 8 && hour % 24 < 17;
    return hourOf(hour, busy ? 40 : 1);
  }).flat();
}

const script = (days: number) => ({ rules: RULES, from: START, until: START + days * DAY, every: HOUR / 2 });
const THEFT = { path: '/v1/assets/a1/download?size=4k', ip: '198.51.100.7' };

describe('a surge', () => {
  const known = office(15 * 24 + 12);

  it('is told when a key does far more than it ever did, with the habit, and ended after a day', () => {
    const told = play(onTime([...known, ...hourOf(15 * 24 + 12, 1_500, THEFT)]), script(18));
    expect(begun(told)).toHaveLength(1);
    expect(told[0]?.finding).toMatchObject({
      kind: 'volume-surge',
      severity: 'warning',
      condition: 'key_9Xc1',
    });
    const last = told.at(-1)?.finding;
    expect(last?.ended).toBe(true);
    expect(last?.ips).toEqual(['198.51.100.7']);
    expect(last?.evidence.of).toBe('downloads');
    expect(Number(last?.evidence.count)).toBeGreaterThan(1_000);
    expect(last?.evidence.paths).toEqual(['GET /v1/assets/a1/download']);
    expect(last?.why?.windows).toHaveLength(1);
  });

  it('of more than a hundred keys is told as one for those beyond, and ended', () => {
    const all = Array.from({ length: 102 }, (_, index) => `key_${index}`);
    const events = all.flatMap((keyId) =>
      [...Array.from({ length: 48 }, (_, hour) => hourOf(hour, 1)).flat(), ...hourOf(48, 1_500, THEFT)].map(
        (call) => ({ ...call, id: `${keyId}-${call.id}`, keyId }),
      ),
    );
    const told = play(onTime(events), script(5));
    expect(begun(told)).toHaveLength(101);
    const others = told.filter(({ finding }) => finding.condition === 'others');
    expect(others[0]?.finding).toMatchObject({ keyId: null, ips: ['198.51.100.7'] });
    expect(others[0]?.finding.title).toContain('a key beyond the 100 that surge already');
    expect(others.at(-1)?.finding.ended).toBe(true);
  });

  it('knows the hour of the day: what is ordinary at noon is a surge at night', () => {
    const heavy = Array.from({ length: 21 * 24 }, (_, hour) =>
      hourOf(hour, Math.floor(hour / 24) % 7 < 5 && hour % 24 >= 8 && hour % 24 < 17 ? 400 : 1),
    ).flat();
    const noon = hourOf(21 * 24 + 12, 500, THEFT).map((found) => ({ ...found, path: '/v1/assets' }));
    const night = hourOf(21 * 24 + 2, 500, { ip: '198.51.100.7' });
    expect(play(onTime([...heavy, ...noon]), script(23))).toEqual([]);
    expect(begun(play(onTime([...heavy, ...night]), script(23)))).toHaveLength(1);
  });

  it('sees a theft that is spread over half a day', () => {
    const slow = Array.from({ length: 12 }, (_, hour) => hourOf(15 * 24 + 12 + hour, 30, THEFT)).flat();
    const [told] = play(onTime([...known, ...slow]), script(17));
    expect(told?.finding.evidence).toMatchObject({ of: 'downloads' });
    expect(told?.finding.title).toContain('downloads in 12 hours');
  });

  it('is none of a key that grows, that is new, or whose calls are refused', () => {
    const grown = Array.from({ length: 40 * 24 }, (_, hour) =>
      hourOf(hour, Math.round(20 * 1.003 ** hour)),
    ).flat();
    expect(play(onTime(grown), script(41))).toEqual([]);
    expect(play(onTime([...office(20), ...hourOf(20, 2_000)]), script(2))).toEqual([]);
    expect(play(onTime([...known, ...hourOf(15 * 24 + 12, 2_000, { status: 401 })]), script(17))).toEqual([]);
  });

  it('of a key in its first 14 days is twenty times its busiest hour', () => {
    const young = office(5 * 24 - 12);
    expect(play(onTime([...young, ...hourOf(5 * 24 - 12, 700)]), script(6))).toEqual([]);
    expect(begun(play(onTime([...young, ...hourOf(5 * 24 - 12, 3_000)]), script(6)))).toHaveLength(1);
  });

  it('that lasts is told once and becomes the habit', () => {
    const risen = Array.from({ length: 30 * 24 }, (_, hour) =>
      hourOf(hour, hour < 15 * 24 ? 40 : 300),
    ).flat();
    expect(begun(play(onTime(risen), script(31)))).toHaveLength(1);
  });

  it('is none where a job that was missed runs later, once', () => {
    const nightly = Array.from({ length: 20 * 24 }, (_, hour) =>
      hourOf(hour, hour % 24 === 2 ? 900 : 2),
    ).flat();
    const day = 18;
    const without = nightly.filter(({ time }) => Math.floor((time - START) / HOUR) !== day * 24 + 2);
    const late = hourOf(day * 24 + 9, 900, { ip: '198.51.100.7' });
    const again = hourOf(day * 24 + 15, 900, { ip: '198.51.100.7' });
    expect(play(onTime([...without, ...late]), script(20))).toEqual([]);
    expect(begun(play(onTime([...nightly, ...late]), script(20)))).toHaveLength(1);
    expect(begun(play(onTime([...without, ...late, ...again]), script(20)))).toHaveLength(1);
  });

  it('bears the address of a download, though a call that is none comes once it can be judged', () => {
    // With the last hour the key is known for 14 days and twelve hours, so that these can be judged together.
    const judged = 15 * 24;
    const few = [4, 3].flatMap((before) => hourOf(judged - before, 40, THEFT));
    const last = hourOf(judged, 1, THEFT).map((found) => ({ ...found, time: found.time + HOUR / 2 }));
    const told = play(onTime([...known, ...few, ...last]), script(16));
    expect(begun(told).map(({ ips }) => ips)).toEqual([['198.51.100.7']]);
    expect(told[0]?.polledAt).toBeGreaterThan(START + judged * HOUR + HOUR / 2);
  });

  it('is none where a key comes of age: hours that passed as those of a young key are not judged anew', () => {
    const calls = hourOf(14 * 24 + 9, 950);
    const downloads = hourOf(14 * 24 + 9, 80, THEFT);
    for (const passed of [calls, downloads]) {
      const after = hourOf(14 * 24 + 13, 1, THEFT).map((found) => ({
        ...found,
        time: found.time + HOUR / 2,
      }));
      expect(play(onTime([...known, ...passed, ...after]), script(16))).toEqual([]);
    }
  });

  it('is the same in any order and however often its calls are shown', () => {
    const events = [...known, ...hourOf(15 * 24 + 12, 1_500, THEFT)];
    const expected = episodes(play(onTime(events), script(18)));
    const told = play(repeated(shuffled(events, 5), 6), { ...script(18), every: HOUR / 6, restart: true });
    expect(expected).toHaveLength(1);
    expect(episodes(told)).toEqual(expected);
  });
});

describe('the habit of a key', () => {
  it('is the same after it was stored, in less than 700 bytes', () => {
    const random = randomFrom(3);
    const straight = new VolumeHabit();
    const whole = new OpenHours();
    straight.join(whole);
    let stored = new VolumeHabit();
    let open = new OpenHours();
    stored.join(open);
    let serial = 0;
    let most = 0;
    for (let hour = 0; hour < 40 * 24; hour += 1) {
      for (let count = random() * 900; count > 0; count -= 1) {
        const at = START + hour * HOUR + Math.floor(random() * HOUR);
        const mark = Math.floor(random() * 2 ** 32);
        serial += 1;
        straight.add(at, mark, serial % 5 === 0);
        stored.add(at, mark, serial % 5 === 0);
      }
      const [text, hours] = [JSON.stringify(stored.save()), open.write()];
      most = Math.max(most, text.length + hours.length);
      open = OpenHours.load(JSON.parse(hours));
      stored = VolumeHabit.load(JSON.parse(text));
      stored.join(open);
    }
    expect(stored.save()).toEqual(straight.save());
    expect(open.write()).toBe(whole.write());
    expect(most).toBeLessThan(700);
  });

  it('goes on with the open hours that the build before kept in it', () => {
    const [habit, open, again] = [new VolumeHabit(), new OpenHours(), new OpenHours()];
    habit.join(open);
    for (const hour of [0, 1]) habit.add(START + hour * HOUR, 7, false);
    const [, ...rest] = habit.save() as Json[];
    const former = VolumeHabit.load([JSON.parse(open.write()), ...rest]);
    former.join(again);
    expect(again.write()).toBe(open.write());
    expect(former.add(START + HOUR, 7, false)).toBeNull();
  });

  it('is damaged where its factors are', () => {
    const saved = new VolumeHabit().save() as unknown[];
    saved[4] = 'short';
    expect(() => VolumeHabit.load(saved as never)).toThrow(TypeError);
  });
});

describe('the bound on the chance', () => {
  it('is one at the mean, falls with the count, rises with the dispersion, and is never below the truth', () => {
    expect(lnChance(10, { mean: 10, dispersion: 2 })).toBe(0);
    const at = (n: number, dispersion: number) => lnChance(n, { mean: 10, dispersion });
    expect(at(40, 2)).toBeLessThan(at(30, 2));
    expect(at(40, 4)).toBeGreaterThan(at(40, 2));
    // Geometric with mean 1, so dispersion 2: P(X ≥ n) = 2^-n.
    for (const n of [2, 5, 20, 60])
      expect(lnChance(n, { mean: 1, dispersion: 2 })).toBeGreaterThanOrEqual(-n * Math.LN2);
    expect(lnChance(60, { mean: 1, dispersion: 2 })).toBeLessThan(-36);
  });
});
