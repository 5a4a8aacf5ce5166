import type { World } from './ground.ts';
import type { Place } from './shelf.ts';

/**
 * An application that reads one destination and caches up to its declared lag. What it could have in its cache at the
 * worst is checked where a key ends (invariant 1); this is one that works, and leaves its traces in the log.
 */
export class Consumer {
  readonly #world: World;
  readonly #place: Place;
  readonly #address: string;

  constructor(world: World, place: Place, number: number) {
    this.#world = world;
    this.#place = place;
    this.#address = `203.0.113.${10 + number}`;
  }

  start(every: number): void {
    this.#world.at(every, () => {
      this.#work();
      this.start(every);
    });
  }

  #work(): void {
    const content = this.#place.content;
    if (content === null) return;
    this.#world.issuer.use(content.value, this.#address);
  }
}
