import { failureOf } from '../model/index.ts';
import type { EngineContext } from './context.ts';

/** Has every store clear away what a crash has left at its destinations, which may not be visited for long. Never throws. */
export async function tidyDestinations({ config, plugins, log }: EngineContext): Promise<void> {
  const destinations = Object.values(config.credentials).flatMap((credential) => credential.destinations);
  const tidying = [...plugins.stores].map(async ([name, store]) => {
    const targets = destinations.filter((each) => each.store === name).map(({ target }) => target);
    try {
      await store.tidy?.(targets);
    } catch (error) {
      log.warn({ store: name, failure: failureOf(error) }, `what a crash may have left at ${name} stays`);
    }
  });
  await Promise.all(tidying);
}
