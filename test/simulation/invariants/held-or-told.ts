import { MINUTE } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';
import type { Key } from '../issuer.ts';

/** 2. Every live key is one that we hold, or was reported within an hour of healing. */
export function heldOrTold(world: World): Invariant {
  const check = () => {
    for (const key of world.issuer.keys.values()) {
      if (!world.issuer.isLive(key) || key.by !== 'us' || isHeld(world, key) || isTold(world, key)) continue;
      if (world.time - key.mintedAt < 15 * MINUTE) continue;
      world.fail(
        self,
        `${key.id} is live, minted at ${key.mintedAt} by our call, signed by ${key.signer}: nobody holds it and nobody was told`,
      );
    }
  };
  const self: Invariant = {
    number: 2,
    name: 'every live key is held or told',
    onHealedHour: check,
    onEnd: check,
  };
  return self;
}

function isHeld({ ledger, machines }: World, { value }: Key): boolean {
  return (
    [...ledger.values.values()].includes(value) ||
    [...ledger.journal.values()].some((answer) => answer.includes(value)) ||
    machines.some(({ spooled }) =>
      [...spooled.values()].some(({ answer }) => answer.reveal().includes(value)),
    )
  );
}

/**
 * By its id, or by its signer and the time of its mint, which is all that an answer tells. A state that was put back knows
 * nothing of its own mints since: to it they are others'.
 */
function isTold({ ledger, issuer, restores }: World, key: Key): boolean {
  const signer = key.signer === null ? null : issuer.keys.get(key.signer);
  const orphans = [...ledger.versions.values()].filter(({ state }) => state === 'orphaned');
  if (orphans.some(({ keyId, createdAt }) => keyId === key.id || Math.abs(createdAt - key.mintedAt) <= 500))
    return true;
  const alerts = [...ledger.alerts.values()].filter(
    ({ kind }) => kind === 'key-orphaned' || (kind === 'foreign-mint' && restores > 0),
  );
  if (alerts.some((alert) => mentions(JSON.stringify([alert.title, alert.summary, alert.evidence]), key.id)))
    return true;
  return orphans.some(
    ({ createdAt }) => signer?.rotatedAt === createdAt && signer.rotatedAt === key.mintedAt,
  );
}

function mentions(text: string, id: string): boolean {
  return new RegExp(`${id}(?![0-9])`).test(text);
}
