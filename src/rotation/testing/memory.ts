import type {
  AuditEntry,
  Change,
  CredentialRecord,
  CredentialSnapshot,
  Destination,
  ObservedMint,
  Rotation,
  RotationStep,
  Secret,
  Version,
} from '../../model/index.ts';
import { OPEN_STATES } from '../../model/index.ts';

/** The state in miniature: applies changes as a commit would. Due times are the world's. */
export class Memory {
  record: CredentialRecord;
  readonly versions = new Map<string, Version>();
  readonly values = new Map<string, Secret>();
  readonly rotations = new Map<string, Rotation>();
  readonly steps = new Map<string, RotationStep>();
  readonly destinations = new Map<string, Destination>();
  readonly mints = new Map<string, ObservedMint>();
  readonly #settled = new Set<string>();
  readonly journal = new Map<string, Secret>();
  readonly audits: AuditEntry[] = [];
  #snapshot: CredentialSnapshot | null = null;

  constructor(record: CredentialRecord) {
    this.record = record;
  }

  snapshot(): CredentialSnapshot {
    this.#snapshot ??= this.#take();
    return this.#snapshot;
  }

  #take(): CredentialSnapshot {
    const rotations = [...this.rotations.values()];
    return {
      record: this.record,
      revision: 0,
      versions: [...this.versions.values()].sort((a, b) => b.number - a.number),
      open: rotations.find(({ state, queued }) => !queued && OPEN_STATES.includes(state)) ?? null,
      queued: rotations.find(({ queued }) => queued) ?? null,
      destinations: [...this.destinations.values()],
      mints: [...this.mints.values()].filter(({ id }) => !this.#settled.has(id)),
    };
  }

  /** A destination before its first publication. */
  unseen(id: string): Destination {
    const credential = this.record.name;
    return {
      credential,
      id,
      state: 'pending',
      versionId: null,
      publishedAt: null,
      checkedAt: null,
      hook: null,
      attempts: 0,
      looks: 0,
      lastError: null,
    };
  }

  stepsOf(rotationId: string): RotationStep[] {
    return [...this.steps.values()].filter((step) => step.rotationId === rotationId);
  }

  apply(change: Change): void {
    this.#snapshot = null;
    switch (change.type) {
      case 'credential.put':
        this.record = change.record;
        return;
      case 'version.put':
        this.versions.set(change.version.id, change.version);
        if (change.value !== undefined) this.values.set(change.version.id, change.value);
        return;
      case 'rotation.put':
        this.rotations.set(change.rotation.id, change.rotation);
        return;
      case 'step.put': {
        const { rotationId, name, destination } = change.step;
        this.steps.set(`${rotationId} ${name} ${destination}`, change.step);
        return;
      }
      case 'destination.put':
        this.destinations.set(change.destination.id, change.destination);
        return;
      case 'journal.put':
        this.journal.set(change.rotationId, change.answer);
        return;
      case 'journal.delete':
        this.journal.delete(change.rotationId);
        return;
      case 'mint.put':
        this.mints.set(change.mint.id, change.mint);
        return;
      case 'mint.settle':
        this.#settled.add(change.id);
        return;
      case 'audit.append':
        this.audits.push(change.entry);
        return;
      default:
        throw new TypeError(`the rotation's state does not know ${change.type}`);
    }
  }
}
