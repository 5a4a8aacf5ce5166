import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import type { ManagedKey } from '../contract.ts';
import { begun, type Play, play, rulesWith, type Told } from '../testing/play.ts';
import * as traffic from '../testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const ATTACK_AT = START + 2 * DAY + 10 * HOUR;
const KEYS = Array.from({ length: 40 }, (_, index) => `key_${100 + index}`);
const OURS: ManagedKey = {
  keyId: 'key_107',
  credential: 'frameflow-prod',
  state: 'current',
  expiresAt: null,
  compromisedAt: null,
};
const RULES = rulesWith({ detectors: { 'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 } } });

function at(time: number, keyId: string | null, ip: string, status = 401): LogEvent {
  return traffic.event({ id: `${time}-${keyId}-${ip}-${status}`, time, keyId, ip, status });
}

/** Two days in which each key is used from an address of its own, and fails once a day there. */
function usual(): LogEvent[] {
  return KEYS.flatMap((keyId, index) =>
    Array.from({ length: 60 }, (_, hour) => {
      const refused = hour % 24 === index % 24 && hour > 0;
      return at(START + hour * HOUR + index * MINUTE, keyId, `203.0.113.${index}`, refused ? 401 : 200);
    }),
  );
}

function watch(attack: readonly LogEvent[], over: Partial<Play> = {}): Told[] {
  const events = [...usual(), ...attack].sort((a, b) => a.time - b.time);
  const script = { rules: RULES, from: START, until: ATTACK_AT + 16 * HOUR, every: MINUTE, ...over };
  return play(traffic.onTime(events), script);
}

const ended = (told: readonly Told[]) =>
  told.map(({ finding }) => finding).filter((finding) => finding.ended === true);

/** Functions in a cloud: each hour eight new addresses fail within two minutes, on each of eight keys. */
function busyKeys(): LogEvent[] {
  return Array.from({ length: 8 * 60 }, (_, index) => {
    const [hour, key] = [index >> 3, index & 7];
    return Array.from({ length: 8 }, (__, turn) =>
      at(
        START + hour * HOUR + key * 7 * MINUTE + turn * 12 * SECOND,
        `cloud_${key}`,
        `100.${hour}.${key}.${turn}`,
      ),
    );
  }).flat();
}

/** One guess at a time: every key in turn, every address three times in all. */
function spread(every: number, count: number): LogEvent[] {
  return Array.from({ length: count }, (_, index) =>
    at(ATTACK_AT + index * every, KEYS[(index * 7) % KEYS.length] ?? '', `198.51.100.${index % 60}`),
  );
}

describe('an attack that is spread over many keys and addresses', () => {
  const told = watch(spread(10 * SECOND, 90));

  it('is told within five polls, once, as the fleet’s, and names keys and addresses', () => {
    expect(told[0]?.polledAt).toBeLessThanOrEqual(ATTACK_AT + 5 * MINUTE);
    expect(new Set(told.map(({ finding }) => finding.condition))).toEqual(new Set(['fleet']));
    const [last] = ended(told);
    expect(last).toMatchObject({ kind: 'auth-failure-spike', severity: 'critical', keyId: null });
    expect(last?.ips).toHaveLength(60);
    expect(last?.evidence.keys).toHaveLength(10);
    expect(last?.evidence.sources).toHaveLength(10);
    expect(last?.evidence.requestIds).toHaveLength(10);
    expect(last?.evidence.usual).toBe('under 1 a day');
    expect(last?.evidence.pace).toMatch(/▇/);
    expect(ended(told)).toHaveLength(1);
  });

  it('is one alert, also where some of its keys are tried often enough for an alert of their own', () => {
    // The first key is tried by every seventh for a while, minutes after the attack was first told.
    const guesses = Array.from({ length: 120 }, (_, index) => {
      const often = index > 40 && index < 76 && index % 7 === 0;
      const keyId = KEYS[often ? 0 : 1 + ((index * 11) % 39)] ?? '';
      return at(ATTACK_AT + index * 15 * SECOND, keyId, `198.51.100.${index}`);
    });
    const conditions = (told: readonly Told[]) => begun(told).map(({ condition }) => condition);
    expect(conditions(watch(guesses, { apart: true }))).toEqual(['fleet', 'key key_100']);
    expect(conditions(watch(guesses))).toEqual(['fleet']);
  });

  it('says how it was decided', () => {
    const [first, ...more] = told;
    expect(first?.finding.why?.windows).toHaveLength(4);
    const beyond = first?.finding.why?.windows.filter(({ chance, budget }) => chance < budget);
    expect(beyond?.length).toBeGreaterThan(0);
    expect(more.every(({ finding }) => finding.why === undefined)).toBe(true);
  });

  it('is critical where one of the sources gets in, and it is named', () => {
    const slow = spread(20 * SECOND, 40);
    const inside = at(ATTACK_AT + 20 * MINUTE, KEYS[7] ?? '', '198.51.100.1', 200);
    expect(ended(watch(slow))[0]?.severity).toBe('warning');
    const told = watch([...slow, inside]);
    const risen = told.find(({ finding }) => finding.severity === 'critical');
    expect(risen?.polledAt).toBe(inside.time + MINUTE);
    const [found] = ended(told);
    expect(found?.severity).toBe('critical');
    expect(found?.evidence.gotIn).toEqual(['198.51.100.1 with key_107']);
    expect(found?.action).toContain('replace key_107 at the provider');
    const [managed] = ended(watch([...slow, inside], { keys: [OURS] }));
    expect(managed?.action).toContain('keywarden compromise frameflow-prod --key key_107');
  });

  it('is nothing where one key’s clients change their addresses, or few take part', () => {
    const one = Array.from({ length: 90 }, (_, index) =>
      at(ATTACK_AT + index * 10 * SECOND, KEYS[0] ?? '', `198.51.100.${index}`),
    );
    expect(ended(watch(one)).map(({ condition }) => condition)).toEqual(['key key_100']);
    const four = KEYS.slice(0, 4).flatMap((keyId, index) =>
      at(ATTACK_AT + index * SECOND, keyId, `198.51.100.${index}`),
    );
    expect(watch(four)).toEqual([]);
  });

  const conditions = (attack: readonly LogEvent[]) =>
    watch(attack, { apart: true }).map(({ finding }) => finding.condition);

  it('is nothing where three keys are tried from many addresses', () => {
    const three = Array.from({ length: 60 }, (_, index) =>
      at(ATTACK_AT + index * 15 * SECOND, KEYS[index % 3] ?? '', `198.51.100.${index}`),
    );
    expect(conditions(three)).not.toContain('fleet');
  });

  it('is nothing where four addresses try many keys', () => {
    const four = Array.from({ length: 40 }, (_, index) =>
      at(ATTACK_AT + index * 15 * SECOND, KEYS[index] ?? '', `198.51.100.${index % 4}`),
    );
    expect(conditions(four)).not.toContain('fleet');
  });

  /** Four pairs in an hour, each of an address and a key of its own. */
  const strays = Array.from({ length: 4 }, (_, index) =>
    at(ATTACK_AT + index * 20 * MINUTE, KEYS[20 + index] ?? '', `192.0.2.${index}`),
  );

  it('is nothing where one key speaks for all, beside a few others', () => {
    const one = Array.from({ length: 120 }, (_, index) =>
      at(ATTACK_AT + index * 30 * SECOND, KEYS[0] ?? '', `198.51.100.${index}`),
    );
    expect(conditions([...one, ...strays])).not.toContain('fleet');
  });

  it('is nothing where one address speaks for all, beside a few others', () => {
    const one = KEYS.map((keyId, index) => at(ATTACK_AT + index * 90 * SECOND, keyId, '198.51.100.77'));
    expect(conditions([...one, ...strays])).not.toContain('fleet');
  });

  it('is nothing where it is keys’ habit that new addresses fail, and is told beside them', () => {
    const habit = busyKeys();
    const quiet = watch(habit, { apart: true, every: 10 * MINUTE });
    const ofDay = (told: readonly Told[]) =>
      told.filter(({ finding, polledAt }) => finding.condition === 'fleet' && polledAt > ATTACK_AT);
    expect(ofDay(quiet)).toEqual([]);
    const [found] = ofDay(watch([...habit, ...spread(15 * SECOND, 60)], { apart: true }));
    expect(found?.polledAt).toBeLessThanOrEqual(ATTACK_AT + 5 * MINUTE);
  });

  it('is nothing where the addresses were accepted before', () => {
    const move = ATTACK_AT - 30 * MINUTE;
    const moved = spread(10 * SECOND, 90).flatMap((event) => [
      { ...event, id: `${event.id}-in`, time: move, status: 200 },
      event,
    ]);
    expect(watch(moved)).toEqual([]);
  });
});

describe('one address that tries many keys', () => {
  const fast = KEYS.slice(0, 9).map((keyId, index) =>
    at(ATTACK_AT + index * 40 * SECOND, keyId, '198.51.100.77'),
  );
  const minutesApart = Array.from({ length: 30 }, (_, index) =>
    at(ATTACK_AT + index * 7 * MINUTE, `root${index}`, '198.51.100.77'),
  );

  it('is told at the eighth within ten minutes, and not at the seventh', () => {
    expect(watch(fast.slice(0, 7))).toEqual([]);
    const told = watch(fast);
    expect(told[0]).toMatchObject({
      polledAt: ATTACK_AT + 5 * MINUTE,
      finding: { condition: 'source 198.51.100.77', at: ATTACK_AT + 7 * 40 * SECOND, severity: 'warning' },
    });
    const [last] = ended(told);
    expect(last?.evidence).toMatchObject({ count: 9, ips: ['198.51.100.77'] });
    expect(last?.evidence.keys).toEqual(KEYS.slice(0, 9));
  });

  it('is told where the guesses are minutes apart and each bears another name, in one episode', () => {
    const told = watch(minutesApart);
    expect(told[0]?.polledAt).toBeLessThanOrEqual(ATTACK_AT + 50 * MINUTE);
    expect(ended(told).map(({ condition, evidence }) => [condition, evidence.count])).toEqual([
      ['source 198.51.100.77', 30],
    ]);
  });

  it('is told where the guesses are minutes apart and bear no key that exists', () => {
    const told = watch(minutesApart.map((event) => ({ ...event, keyId: null })));
    expect(told[0]?.polledAt).toBeLessThanOrEqual(ATTACK_AT + 60 * MINUTE);
    expect(ended(told).map(({ condition, evidence }) => [condition, evidence.count])).toEqual([
      ['no key', 30],
    ]);
  });

  it('is critical once it gets in', () => {
    const inside = at(ATTACK_AT + 8 * MINUTE, KEYS[3] ?? '', '198.51.100.77', 200);
    const also = at(ATTACK_AT + 9 * MINUTE, OURS.keyId, '198.51.100.77', 200);
    const told = watch([...fast, inside, also], { keys: [OURS] });
    const risen = told.find(({ finding }) => finding.severity === 'critical');
    expect(risen?.polledAt).toBe(inside.time + MINUTE);
    const [found] = ended(told);
    expect(found).toMatchObject({ severity: 'critical', evidence: { gotIn: ['key_103', 'key_107'] } });
    expect(found?.title).toContain('it got in with key_103 and 1 more;');
    expect(found?.action).toContain('replace key_103 at the provider');
    expect(found?.action).toContain('keywarden compromise frameflow-prod --key key_107');
  });

  it('is ended where others need its room, so that no alert stays for ever', () => {
    const many = Array.from({ length: 301 }, (_, address) =>
      KEYS.slice(0, 8).map((keyId, index) =>
        at(ATTACK_AT + address * 30 * SECOND + index, keyId, `198.51.${address >> 8}.${address & 255}`),
      ),
    ).flat();
    const first = watch(many, { apart: true }).filter(
      ({ finding }) => finding.condition === 'source 198.51.0.0',
    );
    expect(first.map(({ finding }) => finding.ended ?? false)).toEqual([false, true]);
    expect(first[1]?.polledAt).toBe(ATTACK_AT + 151 * MINUTE);
  });

  it('is nothing where the keys are accepted there as a rule', () => {
    const office = fast.map((event) => ({
      ...event,
      id: `${event.id}-in`,
      time: event.time - HOUR,
      status: 200,
    }));
    expect(watch([...office, ...fast])).toEqual([]);
  });
});

describe('attacks on many keys', () => {
  const both = [
    ...spread(15 * SECOND, 60),
    ...KEYS.slice(0, 12).map((keyId, index) => at(ATTACK_AT + 5 * HOUR + index * MINUTE, keyId, '192.0.2.9')),
  ];

  it('are the same after a restart, and in any order within five minutes', () => {
    const events = [...usual(), ...both].sort((a, b) => a.time - b.time);
    const script = { rules: RULES, from: START, until: ATTACK_AT + 16 * HOUR, every: 2 * MINUTE };
    const once = play(traffic.onTime(events), script);
    expect(play(traffic.onTime(events), { ...script, restart: true })).toEqual(once);
    const facts = (told: readonly Told[]) =>
      ended(told).map(({ condition, severity, firstEventAt, lastEventAt, evidence }) => [
        condition,
        severity,
        firstEventAt,
        lastEventAt,
        evidence.count,
      ]);
    expect(facts(once)).toHaveLength(2);
    for (const seed of [1, 2])
      expect(facts(play(traffic.shuffled(events, seed), script))).toEqual(facts(once));
  });
});
