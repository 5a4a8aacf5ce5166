import { HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import type { Key } from './account.ts';
import type { Call } from './call.ts';
import type { Draw } from './draw.ts';
import { type Episode, episode, type Stage } from './episode.ts';
import { addressIn, ELSEWHERE, geoOf, near } from './lands.ts';

export type Shape = (stage: Stage) => Episode;

const AGENTS = ['python-requests/2.32', 'curl/8.9.1', 'Go-http-client/1.1', 'okhttp/4.12'];

type Guesses = {
  readonly from: number;
  readonly count: number;
  /** Between two of them, ms; it varies by a third. */
  readonly every: number;
  /** Of the n-th guess. */
  readonly key: (turn: number) => Key | null;
  readonly ip: (turn: number) => string;
};

function guesses({ from, count, every, key, ip }: Guesses, draw: Draw): Call[] {
  const userAgent = draw.pick(AGENTS);
  let time = from;
  return Array.from({ length: count }, (_, turn) => {
    time += every * draw.between(0.67, 1.33);
    const source = ip(turn);
    return {
      time: Math.round(time),
      keyId: key(turn)?.id ?? null,
      ip: source,
      geo: geoOf(source),
      method: 'GET',
      path: '/v1/assets',
      status: 401,
      userAgent,
      mintedKeyId: null,
    };
  });
}

export const stranger = ({ draw }: Stage) => addressIn(draw.pick(ELSEWHERE), draw);

const strangers = (stage: Stage, count: number) => Array.from({ length: count }, () => stranger(stage));

const at = <T>(from: readonly T[], turn: number): T => {
  const found = from[turn % from.length];
  if (found === undefined) throw new RangeError('there is nothing to take in turn');
  return found;
};

/** A retired key would tell of itself. */
const usedKeys = ({ account }: Stage) => account.keys.filter(({ kind }) => kind !== 'retired');

const ANY = ['machine', 'office', 'batch', 'busy', 'roaming'] as const;

/** One address at one key. */
function atOneKey(name: string, every: number, lasts: number, kinds: readonly Key['kind'][]): Shape {
  return (stage) => {
    const key = stage.key(kinds);
    const ip = stranger(stage);
    const from = stage.hour(1, 14);
    const count = Math.round(lasts / every);
    return episode({
      name,
      kinds: ['auth-failure-spike'],
      keyId: key.id,
      calls: guesses({ from, count, every, key: () => key, ip: () => ip }, stage.draw),
    });
  };
}

const spreadOverAddresses: Shape = (stage) => {
  const key = stage.key(ANY);
  const ips = strangers(stage, stage.draw.whole(50, 90));
  return episode({
    name: 'one key, many addresses',
    kinds: ['auth-failure-spike'],
    keyId: key.id,
    calls: guesses(
      {
        from: stage.hour(1, 18),
        count: ips.length,
        every: 12 * SECOND,
        key: () => key,
        ip: (turn) => at(ips, turn),
      },
      stage.draw,
    ),
  });
};

function fromOneAddress(name: string, count: number, every: number): Shape {
  return (stage) => {
    const ip = stranger(stage);
    const keys = stage.draw.sample(usedKeys(stage), count);
    return episode({
      name,
      kinds: ['auth-failure-spike'],
      keyId: null,
      calls: guesses(
        { from: stage.hour(1, 18), count, every, key: (turn) => at(keys, turn), ip: () => ip },
        stage.draw,
      ),
    });
  };
}

const fleet: Shape = (stage) => {
  const ips = strangers(stage, 120);
  const keys = stage.draw.sample(usedKeys(stage), 80);
  return episode({
    name: 'fleet: many addresses, many keys',
    kinds: ['auth-failure-spike'],
    keyId: null,
    calls: guesses(
      {
        from: stage.hour(1, 18),
        count: 150,
        every: 15 * SECOND,
        key: () => stage.draw.pick(keys),
        ip: (turn) => at(ips, turn),
      },
      stage.draw,
    ),
  });
};

const withoutKey: Shape = (stage) => {
  const ips = strangers(stage, 3);
  return episode({
    name: 'without a key id',
    kinds: ['auth-failure-spike'],
    keyId: null,
    calls: guesses(
      {
        from: stage.hour(1, 20),
        count: 200,
        every: 3 * SECOND,
        key: () => null,
        ip: (turn) => at(ips, turn),
      },
      stage.draw,
    ),
  });
};

/** The last of the guesses is right. */
function gotIn(name: string, count: number, every: number): Shape {
  return (stage) => {
    // From a registered place, so that the place does not give it away.
    const key = stage.key(
      ['machine', 'office', 'roaming'],
      (each) => each.geolocations !== null && each.ipAllowlist === null,
    );
    const ip = addressIn(near(key.land), stage.draw);
    const calls = guesses(
      { from: stage.hour(1, 16), count, every, key: () => key, ip: () => ip },
      stage.draw,
    );
    const last = calls.at(-1);
    const success = last === undefined ? [] : [{ ...last, time: last.time + Math.round(every), status: 200 }];
    return episode({
      name,
      kinds: ['failures-then-success'],
      keyId: key.id,
      calls: [...calls, ...success],
    });
  };
}

/** The first attack is over when the second comes to the same key: a mute of hours would hide it. */
const again: Shape = (stage) => {
  const key = stage.key(['machine', 'batch']);
  const [first, second] = strangers(stage, 2);
  const from = stage.hour(1, 16);
  const burst = (start: number, ip: string) =>
    guesses({ from: start, count: 60, every: 6 * SECOND, key: () => key, ip: () => ip }, stage.draw);
  return episode({
    name: 'the same key twice',
    kinds: ['auth-failure-spike'],
    keyId: key.id,
    calls: [...burst(from, first ?? ''), ...burst(from + 3 * HOUR, second ?? '')],
  });
};

/** Guessing, in each of its shapes. */
export const GUESSING: readonly Shape[] = [
  atOneKey('5 a second', SECOND / 5, 2 * MINUTE, ANY),
  atOneKey('10 a minute', 6 * SECOND, 20 * MINUTE, ANY),
  atOneKey('3 a minute', 20 * SECOND, HOUR, ANY),
  atOneKey('one in 3 minutes', 3 * MINUTE, 8 * HOUR, ['machine', 'office', 'batch', 'roaming']),
  spreadOverAddresses,
  fromOneAddress('many keys, one address', 60, SECOND),
  fromOneAddress('sshd: many keys, one address, minutes apart', 40, 3.5 * MINUTE),
  fleet,
  withoutKey,
  gotIn('got in', 8, 20 * SECOND),
  gotIn('got in slowly', 14, 10 * MINUTE),
  again,
];
