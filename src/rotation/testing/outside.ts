import type { Failure, Mark, Version } from '../../model/index.ts';
import { Secret } from '../../model/index.ts';
import type { Standing } from '../drift.ts';
import type { PublicationOutcome } from '../publication.ts';
import { heldForRecovery } from '../recover.ts';
import type { Action, Candidate, HeldTest, Outcome, PolicyDestination, Reading } from '../situation.ts';
import { currentVersion, markOf } from '../versions.ts';
import { decidePublication, decideVisit } from '../visit.ts';
import { expectNeverDown } from './invariants.ts';
import type { Memory } from './memory.ts';
import { FakeProvider, fingerprint, readAnswer } from './provider.ts';

export const INSTALLATION = 'footage/production';

/** One place where the credential is published. */
export type Shelf = {
  value: string | null;
  mark: Mark | null;
  /** The script: what befalls whoever reads or writes it now. */
  fault: (now: number) => Failure | null;
};

/** All that effects act upon: the provider, the destinations and the configured first secret. */
export class Outside {
  readonly provider = new FakeProvider();
  configured: string | null = null;
  #destinations: readonly PolicyDestination[] = [];
  readonly #shelves = new Map<string, Shelf>();

  constructor(destinations: readonly PolicyDestination[]) {
    for (const destination of destinations) this.add(destination);
  }

  /** Another destination is configured from now on. */
  add(destination: PolicyDestination): Shelf {
    const shelf: Shelf = { value: null, mark: null, fault: () => null };
    this.#destinations = [...this.#destinations, destination];
    this.#shelves.set(destination.id, shelf);
    return shelf;
  }

  /** @throws {TypeError} for a destination that is not configured */
  shelf(id: string): Shelf {
    const shelf = this.#shelves.get(id);
    if (shelf === undefined) throw new TypeError(`there is no destination ${id}`);
    return shelf;
  }

  perform(action: Action, memory: Memory, now: number): Outcome {
    switch (action.do) {
      case 'adopt':
        return this.#look(now);
      case 'preflight':
        return { of: 'preflight', results: this.#preflight(memory, now) };
      case 'mint': {
        const { signerVersionId, idempotencyKey } = action.intent;
        const signer = valueById(signerVersionId, memory);
        return this.provider.mint(signer, idempotencyKey, action.rotation.trigger, now);
      }
      case 'take':
        return readAnswer(memory.journal.get(action.rotation.id));
      case 'verify':
        return { of: 'verify', ...this.provider.test(valueById(action.version.id, memory), now) };
      case 'recover':
        return {
          of: 'recover',
          readings: this.#readings(now),
          held: heldForRecovery({ snapshot: memory.snapshot() }).map(({ id }) => this.#held(id, memory, now)),
        };
      case 'probe':
        return { of: 'probe', test: this.#held(action.version.id, memory, now) };
      case 'keepAlive':
        return { of: 'keepAlive', test: this.#held(action.version.id, memory, now) };
      default:
        return { of: 'step' };
    }
  }

  /** One visit of a destination that shall have `version`. */
  publish(
    version: Version,
    known: Parameters<typeof decideVisit>[0],
    memory: Memory,
    now: number,
  ): PublicationOutcome {
    const shelf = this.shelf(known.destination.id);
    const fault = shelf.fault(now);
    if (fault !== null) return { visit: null, failure: fault };
    const mark = markOf(version, INSTALLATION);
    const there = standingAt(shelf);
    const visit = decideVisit(known, there, { mark, fingerprint: version.fingerprint });
    if (visit.do === 'refuse') return { visit, failure: visit.failure };
    if (visit.do === 'write') {
      expectNeverDown(shelf.value === null ? null : shelf.mark, mark);
      shelf.value = valueById(version.id, memory);
      shelf.mark = mark;
    }
    return { visit, failure: null };
  }

  /** Can each be written, and is what stands there ours to replace? */
  #preflight(memory: Memory, now: number) {
    const current = currentVersion(memory.snapshot().versions);
    return this.#destinations.map(({ id }) => {
      const shelf = this.shelf(id);
      const unwritable = shelf.fault(now);
      if (unwritable !== null || current === null) return { destination: id, failure: unwritable };
      const wanted = { mark: markOf(current, INSTALLATION), fingerprint: current.fingerprint };
      const decision = decidePublication(standingAt(shelf), wanted);
      return { destination: id, failure: decision.do === 'refuse' ? decision.failure : null };
    });
  }

  #look(now: number): Outcome {
    return {
      of: 'adopt',
      readings: this.#readings(now),
      configured: this.configured === null ? null : this.#candidate(this.configured, null, now),
      fault: null,
    };
  }

  #readings(now: number): Reading[] {
    return this.#destinations.map(({ id, required }) => {
      const { value, mark, fault } = this.shelf(id);
      const unread = fault(now);
      const candidate = unread === null && value !== null ? this.#candidate(value, mark, now) : null;
      return { destination: id, required, candidate, failure: unread };
    });
  }

  #held(versionId: string, memory: Memory, now: number): HeldTest {
    const tested = this.provider.test(valueById(versionId, memory), now);
    if ('keyId' in tested) return { versionId, accepted: true, failure: null };
    const accepted = tested.failure.verdict === 'rejected' ? false : null;
    return { versionId, accepted, failure: tested.failure };
  }

  #candidate(text: string, mark: Mark | null, now: number): Candidate {
    const tested = this.provider.test(text, now);
    const found = { value: Secret.from(text), fingerprint: fingerprint(text), mark };
    if ('keyId' in tested) return { ...found, keyId: tested.keyId, accepted: true, failure: null };
    const accepted = tested.failure.verdict === 'rejected' ? false : null;
    return { ...found, keyId: null, accepted, failure: tested.failure };
  }
}

function standingAt({ value, mark }: Shelf): Standing | null {
  if (value === null && mark === null) return null;
  return { fingerprint: value === null ? null : fingerprint(value), mark };
}

function valueById(versionId: string, memory: Memory): string {
  const value = memory.values.get(versionId);
  if (value === undefined) throw new TypeError(`the value of version ${versionId} is not held`);
  return value.reveal();
}
