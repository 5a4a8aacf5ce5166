import { EdgeError, failureOf, type Rotation, type Version } from '../model/index.ts';
import type { Provider } from '../providers/contract.ts';
import { type Action, markOf, type Outcome, type Situation, versionById } from '../rotation/index.ts';
import { adopt, recover, testHeld } from './adopt.ts';
import { type EngineContext, named } from './context.ts';

/** The one `switch` that performs an action. It decides nothing: what happened goes back as it was. */
export async function perform(
  context: EngineContext,
  situation: Situation,
  action: Action,
): Promise<Outcome> {
  const provider = named(context.plugins.providers, situation.snapshot.record.provider);
  switch (action.do) {
    case 'adopt':
      return adopt(context, situation, provider);
    case 'recover':
      return recover(context, situation, provider);
    case 'probe':
      return { of: 'probe', test: await testHeld(context, provider, action.version) };
    case 'keepAlive':
      return { of: 'keepAlive', test: await testHeld(context, provider, action.version) };
    case 'preflight':
      return preflight(context, situation);
    case 'mint':
      return mint(context, situation, provider, action.rotation, action.intent);
    case 'take':
      return take(context, provider, action.rotation);
    case 'verify':
      return verify(context, provider, action.rotation, action.version);
    case 'install':
    case 'retire':
    case 'account':
    case 'remint':
    case 'comeback':
    case 'begin':
    case 'supersede':
    case 'settle':
    case 'close':
    case 'attend':
      return { of: 'step' };
    case 'wait':
      throw new TypeError('waiting is not performed');
  }
}

/** Every destination at once: can it be written, and is what stands there ours to replace? */
async function preflight(context: EngineContext, situation: Situation): Promise<Outcome> {
  const { config, plugins, hash } = context;
  const name = situation.snapshot.record.name;
  const current = situation.snapshot.versions.find(({ state }) => state === 'current');
  const results = await Promise.all(
    (config.credentials[name]?.destinations ?? []).map(async ({ id, store: storeName, target }) => {
      try {
        const store = named(plugins.stores, storeName);
        await store.preflight(target);
        const found = await store.readBack(target);
        if (current === undefined) return { destination: id, failure: null };
        const decision = context.rules.decidePublication(
          found && { fingerprint: found.value && hash.fingerprint(found.value), mark: found.mark },
          { mark: markOf(current, situation.installation), fingerprint: current.fingerprint },
        );
        return { destination: id, failure: decision.do === 'refuse' ? decision.failure : null };
      } catch (error) {
        return { destination: id, failure: failureOf(error) };
      }
    }),
  );
  return { of: 'preflight', results };
}

async function mint(
  { state }: EngineContext,
  situation: Situation,
  provider: Provider,
  rotation: Rotation,
  intent: { readonly idempotencyKey: string; readonly signerVersionId: string },
): Promise<Outcome> {
  // What cannot be read is not sent: it fails the turn.
  const signer = await state.versionValue(intent.signerVersionId);
  try {
    const answer = await provider.mint(signer, {
      idempotencyKey: intent.idempotencyKey,
      trigger: rotation.trigger,
    });
    return { of: 'mint', answer: answer.raw };
  } catch (error) {
    return {
      of: 'mint',
      failure: namingKey(failureOf(error), versionById(situation.snapshot.versions, intent.signerVersionId)),
    };
  }
}

function namingKey(
  failure: ReturnType<typeof failureOf>,
  signer: Version | null,
): ReturnType<typeof failureOf> {
  return signer?.keyId ? { ...failure, message: `${failure.message} (signed by ${signer.keyId})` } : failure;
}

async function take(
  { state, hash }: EngineContext,
  provider: Provider,
  rotation: Rotation,
): Promise<Outcome> {
  try {
    const answer = await state.journal(rotation.id);
    if (answer === null)
      throw new EdgeError({ code: 'no_answer', verdict: 'unknown', message: 'the journal holds no answer' });
    const signer = await state.versionValue(rotation.intent?.signerVersionId ?? '');
    const { key, ...minted } = provider.parseMint(answer, signer);
    return { of: 'take', taken: { ...minted, value: key, fingerprint: hash.fingerprint(key) } };
  } catch (error) {
    return { of: 'take', failure: failureOf(error) };
  }
}

async function verify(
  { state }: EngineContext,
  provider: Provider,
  rotation: Rotation,
  version: Version,
): Promise<Outcome> {
  try {
    const value = await state.versionValue(version.id);
    const { keyId } = await provider.verify(value, { urgent: rotation.trigger === 'emergency' });
    return { of: 'verify', keyId };
  } catch (error) {
    return { of: 'verify', failure: failureOf(error) };
  }
}
