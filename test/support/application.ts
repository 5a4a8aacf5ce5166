import { get } from './https.ts';
import type { Place } from './places.ts';

/**
 * An application that reads its key anew before every call, from every destination. What it must never see: a refusal,
 * or a version that goes down.
 */
export class Application {
  readonly #places: readonly Place[];
  readonly #provider: { readonly url: string; readonly ca: string };
  readonly #highest = new Map<string, number>();
  calls = 0;

  constructor(places: readonly Place[], provider: { readonly url: string; readonly ca: string }) {
    this.#places = places;
    this.#provider = provider;
  }

  /** One round; what went wrong in it, for a person. */
  async work(): Promise<readonly string[]> {
    const faults: string[] = [];
    const values = new Map<string, string>();
    for (const { name, held } of this.#places) {
      const found = await held();
      if (found === null) continue;
      values.set(found.value, name);
      const before = this.#highest.get(name) ?? 0;
      if (found.version !== null && found.version < before)
        faults.push(`${name} went from version ${before} down to ${found.version}`);
      this.#highest.set(name, Math.max(before, found.version ?? 0));
    }
    for (const [key, name] of values) {
      const { status, text } = await get(`${this.#provider.url}/v1/assets/search?q=4k`, {
        ca: this.#provider.ca,
        key,
      });
      this.calls += 1;
      if (status !== 200) faults.push(`the key in ${name} was answered ${status}: ${text}`);
    }
    return faults;
  }
}
