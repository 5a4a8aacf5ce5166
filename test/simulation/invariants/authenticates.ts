import { type AlertKind, formatDuration, HOUR } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';
import type { Key } from '../issuer.ts';
import type { Place } from '../shelf.ts';

/** Where all could do its part for so long at a stretch, an outage has no excuse. */
const ENOUGH = 3 * HOUR;

/** A destination is read back once a day; what stands there and is not ours is found by then. */
const DRIFT_SEEN = 26 * HOUR;

/** What tells a person that an application will be, or is, refused. */
const WARNINGS: ReadonlySet<AlertKind> = new Set([
  'publish-failed',
  'rotation-attention',
  'rotation-failed',
  'store-unreachable',
  'credential-rejected',
  'store-drift',
  'key-orphaned',
  'foreign-mint',
  'state-restored',
]);

/**
 * 1. Whoever reads a destination and caches up to its declared lag always authenticates, unless the provider revoked
 * the key, or the destination could not be written or no process ran for longer than the overlap allows: then that
 * was told in time.
 */
export function authenticates(world: World): Invariant {
  const self: Invariant = {
    number: 1,
    name: 'a consumer always authenticates',
    onWrite: ({ place, value }) => {
      const key = world.issuer.byValue(value);
      if (key === null) world.fail(self, `${place.name} is given a value that is no key`);
      else if (!world.issuer.accepts(key) && key.revokedAt === null && world.issuer.isLive(key))
        world.fail(self, `${place.name} is given ${key.id}, which is not accepted everywhere yet`);
    },
    onKeyLate: ({ key }) => {
      for (const place of world.places) checkTold(world, self, place, key);
    },
    onKeyEnd: ({ key }) => {
      for (const place of world.places) check(world, self, place, key);
    },
  };
  return self;
}

/** The key has just ended: could anybody still have it from there? */
function check(world: World, self: Invariant, place: Place, key: Key): void {
  const { rotatedAt, endsAt } = key;
  if (rotatedAt === null || endsAt === null || key.revokedAt !== null) return;
  const held = place.heldUntil(key.value, world.time);
  if (held === null || held <= endsAt - place.lag) return;
  const spoiled = place.spoiledAt.findLast((at) => at > rotatedAt && at < endsAt);
  if (
    spoiled !== undefined &&
    (endsAt - place.lag - spoiled < DRIFT_SEEN || world.plan.onDrift === 'alert')
  ) {
    // It is found at the next look, and the policy may be to tell only.
    if (endsAt - spoiled < DRIFT_SEEN || wasTold(world, place, rotatedAt, endsAt)) return;
  }
  const stretch = longestStretch(world, place, knownSince(world, key, rotatedAt), endsAt - place.lag);
  if (stretch < ENOUGH) {
    if (wasTold(world, place, rotatedAt, endsAt)) return;
    world.fail(
      self,
      `${place.name} held ${key.id} until it ended, which is excused, and nobody was told in time`,
    );
    return;
  }
  const late = formatDuration(held - (endsAt - place.lag));
  world.fail(
    self,
    `${place.name} (read with a lag of ${formatDuration(place.lag)}) gave out ${key.id} for ${late} too long; ` +
      `all was well for ${formatDuration(stretch)} of its overlap`,
  );
}

/** The key will end soon: is it known that this destination still gives it out? */
function checkTold(world: World, self: Invariant, place: Place, key: Key): void {
  const { rotatedAt } = key;
  const current = world.ledger.current?.keyId ?? key.id;
  if (
    rotatedAt === null ||
    key.revokedAt !== null ||
    place.content?.value !== key.value ||
    current === key.id
  )
    return;
  const unreachable = world.troubles.some(
    ({ scope, from, to }) => scope === `place ${place.name}` && from < rotatedAt + HOUR && to > world.time,
  );
  if (!unreachable || wasTold(world, place, rotatedAt, world.time)) return;
  world.fail(self, `${place.name} still has ${key.id} at the end of its overlap, and nobody was told`);
}

/** That somebody else rotated it is seen at the next look at the log. */
function knownSince({ issuer, plan }: World, key: Key, rotatedAt: number): number {
  const first = [...issuer.keys.values()].find(
    ({ signer, mintedAt }) => signer === key.id && mintedAt === rotatedAt,
  );
  return first?.by === 'others' ? rotatedAt + plan.pollEvery : rotatedAt;
}

/** The longest time at a stretch between these in which the destination and a process were there. */
function longestStretch(world: World, place: Place, from: number, to: number): number {
  const machines = world.machines.map(({ index }) => `machine ${index}`);
  const scopes = new Set([`place ${place.name}`, ...(machines.length === 1 ? machines : [])]);
  const troubles = world.troubles
    .filter(({ scope }) => scopes.has(scope))
    .toSorted((a, b) => a.from - b.from);
  let longest = 0;
  let wellSince = from;
  for (const trouble of troubles) {
    longest = Math.max(longest, Math.min(trouble.from, to) - wellSince);
    wellSince = Math.max(wellSince, trouble.to);
  }
  return Math.max(longest, to - wellSince);
}

function wasTold(world: World, place: Place, from: number, to: number): boolean {
  const about = new Set(['', 'preflight', 'adopt', place.name]);
  const told = [...world.tellings.values()].some(
    ({ kind, condition, firstAt, lastAt }) =>
      WARNINGS.has(kind) && about.has(condition) && firstAt <= to && lastAt >= from,
  );
  // Nobody can tell what no process was there to see.
  return told || wasDark(world, to - (to - from) / 5, to);
}

/** True where no process ran for long enough to tell anybody. */
function wasDark(world: World, from: number, to: number): boolean {
  const scopes = new Set(world.machines.map(({ index }) => `machine ${index}`));
  const dark = world.troubles.filter(
    ({ scope, from: begun, to: ended }) => scopes.has(scope) && begun < to && ended > from,
  );
  return dark.some((trouble) => trouble.from <= from + HOUR && trouble.to >= to - HOUR);
}
