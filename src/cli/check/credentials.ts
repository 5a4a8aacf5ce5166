import type { Config, CredentialConfig } from '../../config/types.ts';
import { testCandidate } from '../../engine/adopt.ts';
import { named, type Plugins } from '../../engine/context.ts';
import { type Hash, KeywardenError, type Secret } from '../../model/index.ts';
import type { Provider } from '../../providers/contract.ts';
import type { Candidate } from '../../rotation/index.ts';
import type { Result } from './result.ts';

/** For each credential: does the provider accept a key that stands in a destination or in the configuration? */
export async function tryCredentials(config: Config, plugins: Plugins, hash: Hash): Promise<Result[]> {
  return Promise.all(
    Object.values(config.credentials).map((credential) => tryCredential(credential, plugins, hash)),
  );
}

/** A value, and where it stands. */
type Held = { readonly value: Secret; readonly places: string[] };

async function tryCredential(credential: CredentialConfig, plugins: Plugins, hash: Hash): Promise<Result> {
  const about = `credential ${credential.name}`;
  const { held, faults } = await heldValues(credential, plugins, hash);
  const provider = named(plugins.providers, credential.provider);
  const verdicts = await Promise.all(
    [...held].map(async ([fingerprint, each]) => ({
      ...each,
      candidate: await verdict(provider, each.value, fingerprint),
    })),
  );
  const accepted = verdicts.filter(({ candidate }) => candidate.accepted === true);
  if (accepted.length > 0) {
    const which = accepted.map(
      ({ candidate, places }) => `${candidate.keyId ?? 'the key'} in ${places.join(', ')}`,
    );
    return { level: 'ok', about, message: `${credential.provider} accepts ${which.join(' and ')}` };
  }
  const reasons = [
    ...verdicts.map(
      ({ candidate, places }) => `${places.join(', ')}: ${candidate.failure?.message ?? 'not accepted'}`,
    ),
    ...faults,
  ];
  const why = reasons.length === 0 ? noneFound(credential) : reasons.join('; ');
  return { level: 'FAIL', about, message: `no working key was found: ${why}` };
}

function noneFound({ name, rotation }: CredentialConfig): string {
  const why = 'no key stands in a destination, and no secret is configured';
  return rotation.mode === 'guided'
    ? `${why}; once the daemon runs, hand one over: keywarden import ${name}`
    : why;
}

/** Each distinct value once, with all its places. What cannot be read is told by the destination's own line too. */
async function heldValues(
  { destinations, secret }: CredentialConfig,
  plugins: Plugins,
  hash: Hash,
): Promise<{ held: Map<string, Held>; faults: string[] }> {
  const held = new Map<string, Held>();
  const faults: string[] = [];
  const take = async (place: string, read: () => Promise<Secret | null>) => {
    try {
      const value = await read();
      if (value === null) return;
      const fingerprint = hash.fingerprint(value);
      const known = held.get(fingerprint);
      if (known === undefined) held.set(fingerprint, { value, places: [place] });
      else known.places.push(place);
    } catch (error) {
      faults.push(`${place}: ${error instanceof KeywardenError ? error.message : 'it cannot be read'}`);
    }
  };
  await Promise.all(
    destinations.map(({ id, store, target }) =>
      take(id, async () => (await named(plugins.stores, store).readBack(target))?.value ?? null),
    ),
  );
  if (secret !== null) await take(secret.where, () => secret.read());
  return { held, faults };
}

function verdict(provider: Provider, value: Secret, fingerprint: string): Promise<Candidate> {
  return testCandidate(provider, value, fingerprint);
}
