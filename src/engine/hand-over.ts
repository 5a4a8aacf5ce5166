import type { CredentialSnapshot, Secret, Version } from '../model/index.ts';
import type { Provider } from '../providers/contract.ts';
import {
  currentVersion,
  endEarly,
  type Folded,
  givesWay,
  isAnswered,
  nextNumber,
  type Situation,
  versionById,
  waysOut,
} from '../rotation/index.ts';
import { testCandidate } from './adopt.ts';
import { type EngineContext, named } from './context.ts';
import { audited, decide, RefusedError } from './decide.ts';
import type { Engine } from './engine.ts';
import { situationOf } from './situation.ts';

/** Tests a key that a person hands over, and makes it the version that the loop installs next. */
export async function handOver(
  engine: Engine,
  credential: string,
  value: Secret,
  actor: string,
): Promise<Version> {
  const { context } = engine;
  const { snapshot } = await situationOf(context, credential);
  const fingerprint = context.hash.fingerprint(value);
  const provider = named(context.plugins.providers, snapshot.record.provider);
  await refuseMismatch(context, provider, snapshot, value);
  const { accepted, failure, keyId } = await testCandidate(provider, value, fingerprint);
  if (accepted !== true) {
    throw new RefusedError('key_refused', `${credential}: ${failure?.message ?? 'the key is not accepted'}`);
  }
  return decide(engine, credential, (situation, now) => {
    const { versions } = situation.snapshot;
    const known = versions.find((version) => version.fingerprint === fingerprint);
    if (known?.state === 'current') return { result: known, changes: [] };
    const room = makeRoom(situation, actor, now);
    const version: Version = {
      id: known?.id ?? context.newId(),
      credential,
      number: nextNumber(versions),
      keyId,
      state: 'pending',
      origin: 'imported',
      fingerprint,
      createdAt: known?.createdAt ?? now,
      expiresAt: known?.expiresAt ?? null,
      compromisedAt: known?.compromisedAt ?? null,
      acceptedAt: now,
      probedAt: now,
    };
    const detail = { keyId, number: version.number };
    return {
      result: version,
      changes: [
        ...room.changes,
        { type: 'version.put', version, value },
        audited(now, actor, 'version.imported', credential, detail),
      ],
      signals: room.signals,
    };
  });
}

/** @throws {RefusedError} `mismatch` */
async function refuseMismatch(
  { state }: EngineContext,
  provider: Provider,
  { record, versions }: CredentialSnapshot,
  value: Secret,
): Promise<void> {
  const current = currentVersion(versions);
  if (current === null || provider.malformed(value) !== null) return;
  const why = provider.mismatch(await state.versionValue(current.id), value);
  if (why !== null) throw new RefusedError('mismatch', `${record.name}: ${why}`);
}

/**
 * Ends an open rotation that has nothing under way, or whose key was never accepted.
 * @throws {RefusedError} `rotation_in_flight` where the open rotation has gone too far to be given up
 */
export function makeRoom(
  situation: Situation,
  actor: string,
  now: number,
): Pick<Folded, 'changes' | 'signals'> {
  const { open, record } = situation.snapshot;
  if (open === null) return { changes: [], signals: [] };
  const minted = versionById(situation.snapshot.versions, open.newVersionId);
  // A mint that nothing signs any more is never answered: the log tells what came of it, once there is a key to read it.
  const hopeless = record.state === 'rejected' && !isAnswered(open);
  const waits = open.newVersionId === null && (givesWay(open) || hopeless);
  const stuck = minted?.state === 'pending' && open.state === 'attention';
  if (waits || stuck) return endEarly(situation, open, 'abandoned', now, { actor });
  const ways = waysOut(situation);
  const then = ways.length === 0 ? '' : `; what fits now: ${ways.join(' · ')}`;
  throw new RefusedError(
    'rotation_in_flight',
    `${record.name}: rotation ${open.id} is in ${open.state}${then}`,
    open,
  );
}
