import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { assetPath, callOf } from './call.ts';
import { episode } from './episode.ts';
import type { Shape } from './guessing.ts';
import { expiry, morning, wrongDeploy } from './habits.ts';
import { addressIn } from './lands.ts';

/** A larger fleet than as a rule finds its token expired, at an odd time. */
const expiredToken: Shape = (stage) => {
  const key = stage.key(['bursty']);
  return episode({
    name: 'expired token of a fleet',
    kinds: ['auth-failure-spike', 'failures-then-success'],
    keyId: key.id,
    calls: expiry(key, stage.hour(3, 21), 16, stage.draw),
    benign: true,
  });
};

/** As its application is rolled out twice a week, with a wrong key for some minutes. */
const deploy: Shape = (stage) => {
  const key = stage.key(['busy', 'machine'], ({ deploys }) => deploys);
  return episode({
    name: 'deploy with a wrong key',
    kinds: ['auth-failure-spike', 'failures-then-success'],
    keyId: key.id,
    calls: wrongDeploy(key, stage.hour(9, 16), stage.draw),
    benign: true,
  });
};

const sharedAddress: Shape = (stage) => {
  const nat = stage.account.nats.toSorted((a, b) => b.keys.length - a.keys.length)[0];
  if (nat === undefined) throw new RangeError('the account has no shared address');
  return episode({
    name: 'morning behind a shared address',
    kinds: ['auth-failure-spike', 'failures-then-success'],
    keyId: null,
    calls: morning(nat, stage.day + 8.5 * HOUR, stage.draw, Math.round(nat.keys.length * 1.1)),
    benign: true,
  });
};

/** The job of last night runs by day: as much as ever, when there never is any. */
const catchUp: Shape = (stage) => {
  const key = stage.key(['batch']);
  const { draw } = stage;
  const from = stage.day + ((key.hour + 7) % 20) * HOUR;
  const run = stage.day + key.hour * HOUR;
  key.missed = run < from ? run : run - DAY;
  const count = Math.max(50, Math.round(key.share * stage.calls));
  const calls = Array.from({ length: count }, (_, turn) =>
    callOf(key, from + (turn * HOUR) / count, key.ips[0] ?? '', 200, assetPath(draw)),
  );
  return episode({
    name: 'job catches up',
    kinds: ['volume-surge'],
    keyId: key.id,
    calls,
    benign: true,
  });
};

/** The provider of an office gives it another address. */
const newAddress: Shape = (stage) => {
  const key = stage.key(['office'], ({ geolocations }) => geolocations !== null);
  const ip = addressIn(key.land, stage.draw);
  const from = stage.hour(7, 12);
  const calls = Array.from({ length: 40 }, (_, turn) =>
    callOf(key, from + turn * 5 * MINUTE, ip, turn === 0 ? 401 : 200, assetPath(stage.draw)),
  );
  return episode({
    name: 'new address of an office',
    kinds: ['impossible-travel', 'failures-then-success', 'auth-failure-spike'],
    keyId: key.id,
    calls,
    benign: true,
  });
};

/** For four minutes the log shows nothing, then all at once. */
const lateLog: Shape = (stage) => {
  const from = stage.hour(1, 22);
  return episode({
    name: 'log comes late',
    kinds: ['log-silence', 'auth-failure-spike', 'volume-surge'],
    keyId: null,
    calls: [],
    held: { from, to: from + 4 * MINUTE },
    benign: true,
  });
};

/** What looks like an attack and is none: nothing of it may page. */
export const LOOK_ALIKES: readonly Shape[] = [
  expiredToken,
  deploy,
  sharedAddress,
  catchUp,
  newAddress,
  lateLog,
];
