import type {
  Alert,
  Change,
  ClientRecord,
  Delivery,
  Destination,
  Grant,
  Rotation,
  Version,
} from '../../src/model/index.ts';

/** All that was committed and still stands, as the invariants need it: a copy beside the database. */
export class Ledger {
  readonly rotations = new Map<string, Rotation>();
  readonly versions = new Map<string, Version>();
  /** The values that the state holds, by version. */
  readonly values = new Map<string, string>();
  /** The answers that lie in the journal, by rotation. */
  readonly journal = new Map<string, string>();
  readonly destinations = new Map<string, Destination>();
  readonly alerts = new Map<string, Alert>();
  readonly deliveries = new Map<string, Delivery>();
  /** By subject, as the next two. */
  readonly grants = new Map<string, Grant>();
  readonly refreshTokens = new Map<string, string>();
  /** Raw answers to refreshes that were not taken in yet. */
  readonly answers = new Map<string, string>();
  /** By name. */
  readonly clients = new Map<string, ClientRecord>();

  apply(change: Change): void {
    switch (change.type) {
      case 'rotation.put':
        this.rotations.set(change.rotation.id, change.rotation);
        return;
      case 'version.put':
        this.versions.set(change.version.id, change.version);
        if (change.value !== undefined) this.values.set(change.version.id, change.value.reveal());
        return;
      case 'journal.put':
        this.journal.set(change.rotationId, change.answer.reveal());
        return;
      case 'journal.delete':
        this.journal.delete(change.rotationId);
        return;
      case 'destination.put':
        this.destinations.set(change.destination.id, change.destination);
        return;
      case 'alert.put':
        this.alerts.set(change.alert.id, change.alert);
        return;
      case 'delivery.put':
        this.deliveries.set(change.delivery.id, change.delivery);
        return;
      default:
        this.#applyToGrants(change);
    }
  }

  #applyToGrants(change: Change): void {
    switch (change.type) {
      case 'grant.put':
        this.grants.set(change.grant.subject, change.grant);
        if (change.tokens !== undefined)
          this.refreshTokens.set(change.grant.subject, change.tokens.refresh.reveal());
        return;
      case 'grant.answer':
        if (change.answer === null) this.answers.delete(change.subject);
        else this.answers.set(change.subject, change.answer.reveal());
        return;
      case 'grant.delete':
        for (const map of [this.grants, this.refreshTokens, this.answers]) map.delete(change.subject);
        return;
      case 'client.put':
        this.clients.set(change.record.client, change.record);
        return;
      default:
        return;
    }
  }

  /** As it is now; what is applied later does not change it. */
  copy(): Ledger {
    const copy = new Ledger();
    const maps = [
      'rotations',
      'versions',
      'values',
      'journal',
      'destinations',
      'alerts',
      'deliveries',
      'grants',
      'refreshTokens',
      'answers',
      'clients',
    ] as const;
    for (const name of maps) {
      const target = copy[name] as Map<string, unknown>;
      for (const [key, value] of this[name]) target.set(key, value);
    }
    return copy;
  }

  get open(): Rotation[] {
    return [...this.rotations.values()].filter(({ state, queued }) => !queued && !ENDED.has(state));
  }

  get current(): Version | null {
    return [...this.versions.values()].find(({ state }) => state === 'current') ?? null;
  }
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'abandoned', 'superseded']);
