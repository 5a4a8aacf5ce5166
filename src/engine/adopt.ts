import type { CredentialConfig } from '../config/types.ts';
import type { Failure, Mark, Secret, Version } from '../model/index.ts';
import { failureOf, KeywardenError } from '../model/index.ts';
import type { Provider } from '../providers/contract.ts';
import {
  type Candidate,
  type HeldTest,
  heldForRecovery,
  type Outcome,
  type Reading,
  type Situation,
} from '../rotation/index.ts';
import { type EngineContext, named } from './context.ts';

/** Reads every destination and the configured first secret, and tests with the provider what it finds. */
export async function adopt(
  context: EngineContext,
  situation: Situation,
  provider: Provider,
): Promise<Outcome> {
  const credential = context.config.credentials[situation.snapshot.record.name];
  const test = tester(context, provider);
  const readings = await readAll(context, credential, test);
  try {
    const secret = await credential?.secret?.read();
    const configured = secret ? await test(secret, null) : null;
    // The provider's word goes before the configuration's.
    const identified = configured && { ...configured, keyId: configured.keyId ?? credential?.keyId ?? null };
    return { of: 'adopt', readings, configured: identified, fault: null };
  } catch (error) {
    return { of: 'adopt', readings, configured: null, fault: secretFault(error) };
  }
}

/** Reads every destination anew and tests what is found, and whatever we hold ourselves that may still work. */
export async function recover(
  context: EngineContext,
  situation: Situation,
  provider: Provider,
): Promise<Outcome> {
  const credential = context.config.credentials[situation.snapshot.record.name];
  // What is held may stand in a store too: it is tested once.
  const test = tester(context, provider);
  const held: HeldTest[] = [];
  for (const version of heldForRecovery(situation)) held.push(await testVersion(context, version, test));
  return { of: 'recover', readings: await readAll(context, credential, test), held };
}

/** Does the provider accept the key of a version that we hold? */
export function testHeld(context: EngineContext, provider: Provider, version: Version): Promise<HeldTest> {
  return testVersion(context, version, tester(context, provider));
}

async function testVersion({ state }: EngineContext, { id }: Version, test: Test): Promise<HeldTest> {
  try {
    const { accepted, failure } = await test(await state.versionValue(id), null);
    return { versionId: id, accepted, failure };
  } catch (error) {
    return { versionId: id, accepted: null, failure: failureOf(error) };
  }
}

type Test = (value: Secret, mark: Mark | null) => Promise<Candidate>;

/** One value in many places is tested once. */
function tester({ hash }: EngineContext, provider: Provider): Test {
  const tested = new Map<string, Promise<Candidate>>();
  return (value, mark) => {
    const fingerprint = hash.fingerprint(value);
    let verdict = tested.get(fingerprint);
    if (verdict === undefined) {
      verdict = testCandidate(provider, value, fingerprint);
      tested.set(fingerprint, verdict);
    }
    return verdict.then((candidate) => ({ ...candidate, mark }));
  };
}

function readAll(
  { plugins }: EngineContext,
  credential: CredentialConfig | undefined,
  test: Test,
): Promise<Reading[]> {
  return Promise.all(
    (credential?.destinations ?? []).map(async ({ id, store, target, required }): Promise<Reading> => {
      try {
        const found = await named(plugins.stores, store).readBack(target);
        const candidate = found?.value ? await test(found.value, found.mark) : null;
        return { destination: id, required, candidate, failure: null };
      } catch (error) {
        return { destination: id, required, candidate: null, failure: failureOf(error) };
      }
    }),
  );
}

/** Does the provider accept this value? Says so, says no, or says that it could not be asked. */
export async function testCandidate(
  provider: Provider,
  value: Secret,
  fingerprint: string,
): Promise<Candidate> {
  const candidate = { value, fingerprint, mark: null, keyId: null };
  const fault = provider.malformed(value);
  if (fault !== null) {
    return {
      ...candidate,
      accepted: false,
      failure: { code: 'malformed_key', verdict: 'permanent', message: fault },
    };
  }
  try {
    const { keyId } = await provider.verify(value);
    return { ...candidate, keyId, accepted: true, failure: null };
  } catch (error) {
    const failure = failureOf(error);
    return { ...candidate, accepted: failure.verdict === 'rejected' ? false : null, failure };
  }
}

function secretFault(error: unknown): Failure {
  return error instanceof KeywardenError
    ? { code: error.code, verdict: 'permanent', message: error.message }
    : failureOf(error);
}
