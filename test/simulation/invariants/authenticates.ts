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
    (longestStretch(world, place, spoiled, endsAt - place.lag) < DRIFT_SEEN || world.plan.onDrift === 'alert')
  ) {
    // It is found at the next look, and the policy may be to tell only.
    if (endsAt - spoiled < DRIFT_SEEN || wasTold(world, place, rotatedAt, endsAt)) return;
  }
  const since = knownSince(world, key, rotatedAt);
  const stretch = longestStretch(world, place, since, endsAt - place.lag);
  if (stretch < ENOUGH) {
    if (wasTold(world, place, since, endsAt)) return;
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

/**
 * From when on its successor had to be brought there: that somebody else rotated it is seen at the next look at the
 * log, and where people rolled back to it the newer one was away on purpose.
 */
function knownSince({ issuer, plan, ledger }: World, key: Key, rotatedAt: number): number {
  const first = [...issuer.keys.values()].find(
    ({ signer, mintedAt }) => signer === key.id && mintedAt === rotatedAt,
  );
  const seen = first?.by === 'others' ? rotatedAt + plan.pollEvery : rotatedAt;
  const returns = [...ledger.rotations.values()]
    .filter(({ previousVersionId }) => ledger.versions.get(previousVersionId ?? '')?.keyId === key.id)
    .map(({ rollback }) => rollback?.endedAt ?? 0);
  return Math.max(seen, ...returns);
}

/** The longest time at a stretch between these in which the destination and a process were there. */
function longestStretch(world: World, place: Place, from: number, to: number): number {
  const away = world.troubles.filter(({ scope }) => scope === `place ${place.name}`);
  return longestOutside([...away, ...darkness(world)], from, to);
}

type Span = { readonly from: number; readonly to: number };

/** The times in which every machine was away at once. */
function darkness({ machines, troubles }: World): readonly Span[] {
  const away = machines.map(({ index }) => troubles.filter(({ scope }) => scope === `machine ${index}`));
  return away.reduce<readonly Span[]>(overlaps, [{ from: 0, to: Number.MAX_SAFE_INTEGER }]);
}

function longestOutside(spans: readonly Span[], from: number, to: number): number {
  let longest = 0;
  let wellSince = from;
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    longest = Math.max(longest, Math.min(span.from, to) - wellSince);
    wellSince = Math.max(wellSince, span.to);
  }
  return Math.max(longest, to - wellSince);
}

function overlaps(some: readonly Span[], others: readonly Span[]): Span[] {
  return some.flatMap((one) =>
    others
      .map(({ from, to }) => ({ from: Math.max(from, one.from), to: Math.min(to, one.to) }))
      .filter(({ from, to }) => from < to),
  );
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
  return longestOutside(darkness(world), from, to) <= HOUR;
}
