import type { Config, CredentialConfig, DestinationConfig } from '../../config/types.ts';
import { named, type Plugins } from '../../engine/context.ts';
import { type Result, tried } from './result.ts';

/** Each store's login, then each destination: can it be written? Nothing is. */
export async function tryStores(config: Config, plugins: Plugins): Promise<Result[]> {
  const logins = await Promise.all(
    Object.keys(config.stores).map((name) =>
      tried(`store ${name}`, async () => {
        await named(plugins.stores, name).renewLogin();
        return 'the login works';
      }),
    ),
  );
  const destinations = await Promise.all(
    Object.values(config.credentials).flatMap((credential) =>
      credential.destinations.map((destination) => tryDestination(credential, destination, plugins)),
    ),
  );
  return [...logins, ...destinations];
}

function tryDestination(
  { name }: CredentialConfig,
  { id, store, target, required }: DestinationConfig,
  plugins: Plugins,
): Promise<Result> {
  const work = async () => {
    await named(plugins.stores, store).preflight(target);
    return 'can be written';
  };
  // One that is not required never holds up a mint.
  return tried(`${name}, ${id}`, work, required ? 'FAIL' : 'warn');
}
