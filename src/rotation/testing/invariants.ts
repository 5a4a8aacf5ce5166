import type { Change, CredentialSnapshot, Mark, Rotation } from '../../model/index.ts';
import { HOUR, OPEN_STATES } from '../../model/index.ts';
import type { Action } from '../situation.ts';
import { TRANSITIONS } from '../transitions.ts';
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
  const keys = versions.flatMap(({ keyId }) => keyId ?? []);
  hold(new Set(keys).size === keys.length, 'no key is two versions');
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

/** What holds of every commit, against the state before it. */
export function expectLawful(memory: Memory, changes: readonly Change[]): void {
  if (!changes.some(({ type }) => LAWS.has(type))) return;
  const rotations = new Map<string, Rotation>(memory.rotations);
  const moves: string[] = [];
  for (const change of changes) {
    if (change.type === 'credential.put') expectOneRecovery(memory, change.record);
    if (change.type !== 'rotation.put') continue;
    const { rotation } = change;
    const before = rotations.get(rotation.id);
    rotations.set(rotation.id, rotation);
    const begins = before === undefined ? !rotation.queued : before.queued && !rotation.queued;
    if (begins || (before !== undefined && before.state !== rotation.state))
      moves.push(`rotation.${rotation.state}`);
    if (before === undefined || before.state === rotation.state) continue;
    const legal = TRANSITIONS[before.state].includes(rotation.state);
    hold(legal, `no rotation goes from ${before.state} to ${rotation.state}`);
  }
  const told = changes.flatMap((change) =>
    change.type === 'audit.append' && STATES.has(change.entry.action) ? [change.entry.action] : [],
  );
  hold(
    told.join() === moves.join(),
    `each transition has its audit row (${moves.join()} has ${told.join()})`,
  );
}

const LAWS = new Set<Change['type']>(['credential.put', 'rotation.put', 'audit.append']);

const STATES = new Set(Object.keys(TRANSITIONS).map((state) => `rotation.${state}`));

/** A refused key gets one rotation for its recovery, until it is over. */
function expectOneRecovery({ record }: Memory, next: Memory['record']): void {
  if (record.recoveryId === null || record.recoveryId === next.recoveryId) return;
  hold(next.recoveryId === null && next.state !== 'rejected', 'a refused key gets one recovery rotation');
}

/** A destination that bears our mark never gets an older one. */
export function expectNeverDown(there: Mark | null, written: Mark): void {
  const ours = there?.installation === written.installation && there.credential === written.credential;
  hold(
    !ours || there.number <= written.number,
    `version ${written.number} is not written over ${there?.number}`,
  );
}

/** The newer version is back by 80 % of the overlap. */
export function expectNoRollbackOverdue({ open }: CredentialSnapshot, now: number): void {
  if (open?.rollback == null || open.rollback.endedAt !== null) return;
  const { mintedAt, overlapEndsAt, rollback } = open;
  const latest = (mintedAt ?? 0) + ((overlapEndsAt ?? 0) - (mintedAt ?? 0)) * 0.8;
  hold(rollback.until > now && rollback.until <= latest, 'a rolled back rotation comes back in time');
}

/** More of one action within an hour is a loop that only looks as if it waited: the fastest that is meant is one in 2 s. */
const BUSY = 2_000;

/** How often the same is done. */
export class Pace {
  readonly #hours = new Map<string, { hour: number; count: number }>();

  note(what: string, now: number): void {
    const hour = Math.floor(now / HOUR);
    const known = this.#hours.get(what);
    const count = known?.hour === hour ? known.count + 1 : 1;
    this.#hours.set(what, { hour, count });
    hold(count <= BUSY, `nothing is done on and on (${what})`);
  }
}
