import type {
  Change,
  CredentialRecord,
  Mark,
  Raise,
  Rotation,
  RotationState,
  Signal,
  Version,
} from '../../model/index.ts';
import { DAY } from '../../model/index.ts';
import { currentVersion } from '../versions.ts';
import { expectLawful, expectSound } from './invariants.ts';
import { Memory } from './memory.ts';
import type { Outside, Shelf } from './outside.ts';
import { INSTALLATION } from './outside.ts';
import type { FakeProvider } from './provider.ts';

export const CREDENTIAL = 'frameflow-prod';

/** A Thursday. */
export const START = Date.UTC(2026, 9, 1, 9);

/** What is known, due and told: takes commits in, holds each against the invariants, and shows what stands. */
export class Ledger {
  readonly memory: Memory;
  readonly outside: Outside;
  /** Everything that was ever raised, repeats included. */
  readonly told: Raise[] = [];
  /** What has not been resolved. */
  readonly alerts = new Map<string, Raise>();
  /** When each piece of work is due. */
  protected readonly due = new Map<string, number>();

  constructor(outside: Outside) {
    this.outside = outside;
    this.memory = new Memory({
      name: CREDENTIAL,
      provider: 'frameflow',
      state: 'new',
      firstSeenAt: START,
      lastError: null,
      attempts: 0,
      retryAt: null,
      pause: null,
      recoveryId: null,
      uncertain: [],
    });
  }

  protected commit(changes: readonly Change[], signals: readonly Signal[]): void {
    expectLawful(this.memory, changes);
    for (const change of changes) {
      if (change.type === 'work.put') this.due.set(change.work.id, change.work.dueAt);
      else if (change.type === 'work.wake') {
        const { id, at } = change;
        this.due.set(id, Math.min(at, this.due.get(id) ?? at));
      } else this.memory.apply(change);
    }
    for (const signal of signals) {
      const identity = `${signal.kind} ${signal.condition}`;
      if (signal.type === 'resolve') this.alerts.delete(identity);
      else {
        this.told.push(signal);
        if (signal.transient !== true) this.alerts.set(identity, signal);
      }
    }
    const matters = changes.some(({ type }) => type === 'version.put' || type === 'rotation.put');
    if (matters) expectSound(this.memory, this.provider);
  }

  /** When the credential is due next; null: not before something wakes it. */
  get dueAt(): number | null {
    return this.due.get(CREDENTIAL) ?? null;
  }

  get record(): CredentialRecord {
    return this.memory.record;
  }

  /** The only current version. @throws {TypeError} where there is none */
  get current(): Version {
    const current = currentVersion(this.memory.snapshot().versions);
    if (current === null) throw new TypeError('no version is current');
    return current;
  }

  get open(): Rotation | null {
    return this.memory.snapshot().open;
  }

  /** The newest rotation. @throws {TypeError} where there is none */
  get last(): Rotation {
    const last = [...this.memory.rotations.values()].at(-1);
    if (last === undefined) throw new TypeError('there is no rotation');
    return last;
  }

  /** The states of all rotations, oldest first. */
  get history(): RotationState[] {
    return [...this.memory.rotations.values()].map(({ state }) => state);
  }

  /** `number state` of all versions, newest first. */
  get versions(): string[] {
    return this.memory.snapshot().versions.map(({ number, state }) => `${number} ${state}`);
  }

  /** The version of that key. @throws {TypeError} where there is none */
  version(keyId: string): Version {
    const found = this.memory.snapshot().versions.find((version) => version.keyId === keyId);
    if (found === undefined) throw new TypeError(`no version has the key ${keyId}`);
    return found;
  }

  /** `kind condition severity` of what is unresolved. */
  get alarms(): string[] {
    return [...this.alerts.values()].map(({ kind, condition, severity }) =>
      [kind, condition, severity].filter((part) => part !== '').join(' '),
    );
  }

  /** How often `kind` was raised. */
  count(kind: Raise['kind']): number {
    return this.told.filter((raise) => raise.kind === kind).length;
  }

  /** The conditions under which `kind` was ever raised: each is an alert that wakes anew. */
  conditions(kind: Raise['kind']): string[] {
    const conditions = this.told.filter((raise) => raise.kind === kind).map(({ condition }) => condition);
    return [...new Set(conditions)];
  }

  /** How often the audit has `action`. */
  audited(action: string): number {
    return this.memory.audits.filter((entry) => entry.action === action).length;
  }

  get provider(): FakeProvider {
    return this.outside.provider;
  }

  /** @throws {TypeError} for a destination that is not configured */
  shelf(id: string): Shelf {
    return this.outside.shelf(id);
  }

  /** A mark as Keywarden writes it. */
  mark(number: number, fields: Partial<Mark> = {}): Mark {
    return {
      installation: INSTALLATION,
      credential: CREDENTIAL,
      number,
      versionId: `version-${number}`,
      keyId: `key_marked_${number}`,
      createdAt: START - 10 * DAY,
      ...fields,
    };
  }
}
