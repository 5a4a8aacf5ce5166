import type { Mark } from '../../src/model/index.ts';
import { Secret } from '../../src/model/index.ts';
import type { Found, Store } from '../../src/stores/contract.ts';
import type { Life, World } from './ground.ts';
import { refused } from './issuer.ts';
import type { Content, Place } from './shelf.ts';

/** One engine's way to one destination. The store compares revisions: what changed since it was read is not overwritten. */
export function storeOf(world: World, life: Life, place: Place): Store<unknown> {
  const target = place.name;
  const found = (content: Content | null, revision: string): Found | null =>
    content && {
      value: content.value === null ? null : Secret.from(content.value),
      mark: content.mark,
      revision,
    };
  const reach = () => {
    if (world.time < place.outageUntil)
      throw refused('unreachable', 'retryable', `${place.name} does not answer`);
  };
  const write = (value: Secret, mark: Mark, expected: Found | null) => {
    reach();
    const there = place.content;
    const same = there?.mark?.versionId === mark.versionId && there.mark.number === mark.number;
    if (same && there.value === value.reveal()) return;
    if (world.bent.fenced && (expected?.revision ?? '0') !== place.revision)
      throw refused('conflict', 'retryable', `${place.name} has changed since it was read`);
    world.tell('onWrite', { life, place, mark, value: value.reveal() });
    place.put({ since: world.time, value: value.reveal(), mark });
  };
  return {
    preflight: () => life.call({ effect: 'preflight', target, apply: reach }),
    readBack: () =>
      life.call({
        effect: 'readBack',
        target,
        apply: () => {
          reach();
          return found(place.content, place.revision);
        },
        bent: {
          stale: () =>
            found(place.history.at(-2) ?? place.content, String(Math.max(1, place.history.length - 1))),
          garbage: () => {
            throw refused('unusable_answer', 'retryable', `${place.name} answers with something else`);
          },
        },
      }),
    publish: (_, value, mark, expected) =>
      life.call({
        effect: 'publish',
        target,
        apply: () => write(value, mark, expected),
        bent: {
          forgets: () => reach(),
          reverts: (extent) => {
            const before = place.content;
            write(value, mark, expected);
            world.at(extent, () => {
              if (before !== null && place.content?.value === value.reveal() && world.faulty)
                world.spoil(place, before.value, before.mark);
            });
          },
        },
      }),
    renewLogin: async () => null,
    close: async () => undefined,
  };
}
