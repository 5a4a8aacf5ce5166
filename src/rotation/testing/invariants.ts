import { OPEN_STATES } from '../../model/index.ts';
import type { Action } from '../situation.ts';
import { currentVersion, versionById } from '../versions.ts';
import type { Memory } from './memory.ts';
import type { FakeProvider } from './provider.ts';

function hold(condition: boolean, law: string): void {
  if (!condition) throw new Error(`broken: ${law}`);
}

/** What holds after every commit, whatever happened. */
export function expectSound(memory: Memory, provider: FakeProvider): void {
  const rotations = [...memory.rotations.values()];
  const versions = [...memory.versions.values()];
  const open = rotations.filter(({ state, queued }) => !queued && OPEN_STATES.includes(state));
  hold(open.length <= 1, 'at most one rotation is open');
  hold(rotations.filter(({ queued }) => queued).length <= 1, 'at most one rotation waits');
  const current = versions.filter(({ state }) => state === 'current');
  hold(current.length <= 1, 'at most one version is current');
  hold(new Set(versions.map(({ number }) => number)).size === versions.length, 'no number is given twice');
  for (const { id } of current) {
    const value = memory.values.get(id)?.reveal() ?? '';
    hold(provider.acceptedValues.has(value), 'what is current was accepted');
  }
}

/** What holds whenever a mint is sent. */
export function expectMayMint(memory: Memory, action: Extract<Action, { do: 'mint' }>, now: number): void {
  const { open, versions } = memory.snapshot();
  const { rotation, intent } = action;
  hold(open?.id === rotation.id && open.newVersionId === null, 'only the open rotation mints, and once');
  hold(open?.intent?.idempotencyKey === intent.idempotencyKey, 'the intent is committed before its mint');
  hold(open?.intent?.sends === intent.sends, 'a send is counted before it is sent');
  hold(currentVersion(versions) !== null, 'nothing is minted before a key was adopted');
  if (rotation.trigger !== 'scheduled') return;
  const dying = versionById(versions, intent.signerVersionId)?.expiresAt != null;
  const overlaps = versions.some(({ state, expiresAt }) => state === 'retiring' && (expiresAt ?? 0) > now);
  hold(dying || !overlaps, 'the schedule mints nothing while an overlap is open');
}
