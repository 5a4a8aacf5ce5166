import { describe, expect, test } from 'vitest';
import { type Delivery, HOUR, MINUTE, type Silence } from '../model/index.ts';
import { acknowledge } from './acknowledge.ts';
import { attend } from './attend.ts';
import { Memory, NOW, raise, resolve, route } from './testing/memory.ts';

const SILENCE: Silence = {
  id: 's-1',
  kind: [],
  credential: ['frameflow-prod'],
  severity: [],
  createdAt: NOW - MINUTE,
  endsAt: NOW + HOUR,
  reason: 'maintenance of vault',
  author: 'ops',
};
const SPIKE = {
  kind: 'auth-failure-spike',
  monitor: 'frameflow-auth-log',
  condition: 'key key_1',
  evidence: { ips: ['203.0.113.5'], knownSources: true },
} as const;

function look(memory: Memory, refusals = 3) {
  return attend(memory.only(), [...memory.deliveries.values()], { ...memory.context(), refusals });
}

/** Every message that waits arrives. */
function arrive(memory: Memory, state: Delivery['state'] = 'delivered'): void {
  for (const delivery of memory.deliveries.values()) {
    if (delivery.state === 'pending') {
      memory.deliveries.set(delivery.id, { ...delivery, state, at: memory.now });
    }
  }
}

/** When the state would look at an alert again. */
const dueAt = (changes: ReturnType<Memory['take']>) =>
  changes.flatMap((change) =>
    change.type === 'work.put' && change.work.kind === 'alert' ? [change.work.dueAt] : [],
  );

describe('an alert that is still triggered', () => {
  test('is told again where it was told, once `repeat` has passed since it arrived', () => {
    const memory = new Memory();
    expect(dueAt(memory.take(raise({ severity: 'critical' })))).toEqual([NOW + 4 * HOUR]);
    memory.now += MINUTE;
    arrive(memory);
    expect(look(memory)).toEqual({ owed: [], nextAt: NOW + MINUTE + 4 * HOUR });
    memory.now += 4 * HOUR;
    expect(look(memory)).toEqual({ owed: ['oncall', 'team'], nextAt: memory.now + 4 * HOUR });
  });

  test('is not told again while the last telling is under way, nor where it is for information', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.now += 9 * HOUR;
    expect(look(memory)).toEqual({ owed: [], nextAt: memory.now + 4 * HOUR });
    const info = new Memory();
    info.take(raise({ severity: 'info' }));
    arrive(info);
    info.now += 9 * HOUR;
    expect(look(info)).toEqual({ owed: [], nextAt: null });
  });

  test.each(['acknowledged', 'resolved'] as const)('is left alone once it is %s', (end) => {
    const memory = new Memory();
    memory.take(raise());
    arrive(memory);
    if (end === 'resolved') memory.take(resolve());
    else memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    memory.now += 9 * HOUR;
    expect(look(memory)).toEqual({ owed: [], nextAt: null });
  });

  test('that reached nobody is owed where the routes send it, unless that channel has refused it often', () => {
    const memory = new Memory();
    memory.take(raise());
    arrive(memory, 'failed');
    expect(look(memory, 2).owed).toEqual(['team']);
    expect(look(memory, 1).owed).toEqual([]);
  });
});

describe('a channel that refused what another took', () => {
  test('is offered it again, until it has refused it too often', () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    arrive(memory);
    for (const delivery of memory.deliveries.values())
      if (delivery.channel === 'oncall') memory.deliveries.set(delivery.id, { ...delivery, state: 'failed' });
    expect(look(memory, 2).owed).toEqual(['oncall']);
    expect(look(memory, 1).owed).toEqual([]);
  });

  test('is escalated to again where the escalation was refused', () => {
    const memory = new Memory();
    memory.routes = [route({ channels: ['team'], escalate: { after: 10 * MINUTE, channels: ['oncall'] } })];
    memory.take(raise());
    arrive(memory);
    memory.now += 10 * MINUTE;
    const [first] = memory.deliveries.values();
    if (first === undefined) throw new Error('nothing was owed');
    const refused = { ...first, id: 'e', channel: 'oncall', createdAt: memory.now, state: 'failed' as const };
    memory.deliveries.set('e', refused);
    expect(look(memory, 2).owed).toEqual(['oncall']);
    expect(look(memory, 1).owed).toEqual([]);
  });
});

describe('escalation', () => {
  const routes = [
    route({ channels: ['team'], escalate: { after: 10 * MINUTE, channels: ['oncall', 'gone'] } }),
  ];

  test('comes once, when nobody has acknowledged for so long', () => {
    const memory = new Memory();
    memory.routes = routes;
    expect(dueAt(memory.take(raise()))).toEqual([NOW + 10 * MINUTE]);
    arrive(memory);
    memory.now += 10 * MINUTE - 1;
    expect(look(memory)).toEqual({ owed: [], nextAt: NOW + 10 * MINUTE });
    memory.now += 1;
    expect(look(memory).owed).toEqual(['oncall']);
    const [first] = memory.deliveries.values();
    if (first === undefined) throw new Error('nothing was owed');
    memory.deliveries.set('e', { ...first, id: 'e', channel: 'oncall', createdAt: memory.now });
    expect(look(memory).owed).toEqual([]);
  });

  test('counts anew from a rise of the severity', () => {
    const memory = new Memory();
    memory.routes = routes;
    memory.take(raise());
    memory.now += 9 * MINUTE;
    memory.take(raise({ severity: 'critical' }));
    memory.now += 5 * MINUTE;
    expect(look(memory)).toMatchObject({ owed: [], nextAt: NOW + 19 * MINUTE });
  });
});

describe('a silence', () => {
  test('keeps the begin from everybody until it ends; then it is told if it still holds', () => {
    const memory = new Memory();
    memory.silences = [SILENCE];
    expect(dueAt(memory.take(raise({ severity: 'critical' })))).toEqual([SILENCE.endsAt]);
    expect([memory.only().state, memory.sent()]).toEqual(['triggered', []]);
    memory.now = SILENCE.endsAt;
    expect(look(memory).owed).toEqual(['oncall', 'team']);
  });

  test('that ends over an alert which got worse meanwhile has that told, although its begin was', () => {
    const memory = new Memory();
    memory.take(raise());
    arrive(memory);
    memory.silences = [SILENCE];
    memory.now += MINUTE;
    memory.take(raise({ severity: 'critical' }));
    memory.now = SILENCE.endsAt;
    expect(look(memory).owed).toEqual(['oncall', 'team']);
  });

  test('of others, or that is over, keeps nothing', () => {
    for (const over of [
      { endsAt: NOW },
      { credential: ['stockflow-search'] },
      { kind: ['store-drift'] },
      { severity: ['info'] },
    ] as const) {
      const memory = new Memory();
      memory.silences = [{ ...SILENCE, ...over }];
      memory.take(raise());
      expect(memory.sent()).toEqual(['trigger team']);
    }
  });

  test.each([
    'channel-failed',
    'state-restored',
    'clock-skew',
    'config-reload-failed',
    'audit-broken',
  ] as const)('keeps %s, a fault of Keywarden’s own, only where it names that', (kind) => {
    const sentUnder = (silence: Silence) => {
      const memory = new Memory();
      memory.silences = [silence];
      memory.take(raise({ kind }));
      return memory.sent();
    };
    expect(sentUnder({ ...SILENCE, credential: [], severity: ['warning'] })).toEqual(['trigger team']);
    expect(sentUnder({ ...SILENCE, credential: [], kind: [kind] })).toEqual([]);
  });

  test('never keeps an end from those who were told of the begin', () => {
    const memory = new Memory();
    memory.take(raise());
    arrive(memory);
    memory.silences = [SILENCE];
    memory.take(resolve());
    expect(memory.sent()).toEqual(['trigger team', 'resolve team']);
  });
});

describe('a spike of refused logins that a failed rotation explains', () => {
  const failed = () => raise({ kind: 'rotation-failed', condition: '' });
  const spikeOf = (memory: Memory) =>
    [...memory.alerts.values()].find(({ kind }) => kind === 'auth-failure-spike');

  test('is kept with it, says so, and is told when that ends and it does not', () => {
    const memory = new Memory();
    memory.take(failed());
    memory.take(raise(SPIKE));
    expect(memory.sent()).toEqual(['trigger team']);
    const spike = spikeOf(memory);
    const cause = [...memory.alerts.values()].find(({ kind }) => kind === 'rotation-failed');
    expect(spike?.evidence.explainedBy).toBe(`${cause?.id}: ${cause?.title}`);
    const ended = memory.take(resolve({ kind: 'rotation-failed', condition: '' }));
    expect(dueAt(ended)).toEqual([NOW]);
    if (spike === undefined || cause === undefined) throw new Error('two alerts were raised');
    const context = { ...memory.context(), refusals: 3 };
    expect(attend(spike, [], { ...context, open: [spike, cause] })).toEqual({ owed: [], nextAt: null });
    expect(attend(spike, [], context).owed).toEqual(['team']);
  });

  test.each([[0], [1]])('is kept with it where both come in one batch, whichever is first', (first) => {
    const both = [raise(SPIKE), failed()];
    const memory = new Memory();
    memory.take(...both.slice(first), ...both.slice(0, first));
    expect(memory.sent()).toEqual(['trigger team']);
    const cause = [...memory.alerts.values()].find(({ kind }) => kind === 'rotation-failed');
    expect(spikeOf(memory)?.evidence.explainedBy).toBe(`${cause?.id}: ${cause?.title}`);
  });

  test('is told at once where its reason has ended in the same batch', () => {
    const memory = new Memory();
    memory.take(failed());
    memory.take(raise(SPIKE), resolve({ kind: 'rotation-failed', condition: '' }));
    expect(memory.sent()).toEqual(['trigger team', 'resolve team', 'trigger team']);
  });

  test('is looked at anew where a later sight of it is explained no more', () => {
    const memory = new Memory();
    memory.take(failed());
    memory.take(raise(SPIKE));
    expect(dueAt(memory.take(raise(SPIKE)))).toEqual([]);
    const { knownSources: _, ...evidence } = SPIKE.evidence;
    expect(dueAt(memory.take(raise({ ...SPIKE, evidence })))).toEqual([NOW]);
    const spike = spikeOf(memory);
    if (spike === undefined) throw new Error('a spike was raised');
    expect(attend(spike, [], { ...memory.context(), refusals: 3 }).owed).toEqual(['team']);
  });

  test('is told where a silence has kept its reason from everybody, and not where that was told before', () => {
    const quiet = { ...SILENCE, credential: [], kind: ['rotation-failed'] } as const;
    const unheard = new Memory();
    unheard.silences = [quiet];
    unheard.take(failed());
    unheard.take(raise(SPIKE));
    expect(unheard.sent()).toEqual(['trigger team']);
    expect(spikeOf(unheard)?.evidence.explainedBy).toBeUndefined();
    const heard = new Memory();
    heard.take(failed());
    arrive(heard);
    heard.silences = [quiet];
    heard.take(raise(SPIKE));
    expect(heard.sent()).toEqual(['trigger team']);
    const spike = spikeOf(heard);
    if (spike === undefined) throw new Error('a spike was raised');
    const context = { ...heard.context(), refusals: 3 };
    expect(attend(spike, [], context).owed).toEqual([]);
    expect(attend(spike, [], { ...context, own: () => [] }).owed).toEqual(['team']);
  });

  test.each([
    ['from sources that were never seen', { ...SPIKE, evidence: { ...SPIKE.evidence, knownSources: false } }],
    ['in which somebody got in', { ...SPIKE, evidence: { ...SPIKE.evidence, gotIn: ['203.0.113.5'] } }],
    ['of another credential', { ...SPIKE, credential: 'other' }],
  ])('but one %s is told', (_, over) => {
    const memory = new Memory();
    memory.take(failed());
    memory.take(raise(over));
    expect(memory.sent()).toEqual(['trigger team', 'trigger team']);
  });
});
