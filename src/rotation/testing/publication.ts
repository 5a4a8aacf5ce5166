import { type Destination, HOUR } from '../../model/index.ts';
import type { PublicationSituation } from '../publication.ts';
import { failure } from './provider.ts';
import { World } from './world.ts';

/** A rotation that is publishing: version 2, just minted, is current, and the file, which has version 1, failed. */
export function publicationSituation(fields: Partial<Destination> = {}): PublicationSituation {
  const world = World.managing();
  world.provider.mints = () => {
    world.shelf('file').fault = () => failure('retryable');
    return null;
  };
  world.rotate();
  world.advance('31s');
  const destination = world.memory.destinations.get('file');
  if (destination === undefined) throw new TypeError('file is not known');
  const { snapshot, steps } = world.situation();
  return {
    destination: { ...destination, ...fields },
    wanted: world.current,
    snapshot,
    steps,
    policy: world.policy,
    consumerLag: 0,
    drift: { check: HOUR, onDrift: 'alert' },
    spread: 0,
    hook: null,
  };
}
