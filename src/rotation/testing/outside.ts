import type { Failure, Mark, Version } from '../../model/index.ts';
import { Secret } from '../../model/index.ts';
import { decidePublication } from '../publication.ts';
import type { Action, Candidate, Outcome, PolicyDestination } from '../situation.ts';
import { markOf } from '../versions.ts';
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
  readonly #destinations: readonly PolicyDestination[];
  readonly #shelves = new Map<string, Shelf>();

  constructor(destinations: readonly PolicyDestination[]) {
    this.#destinations = destinations;
    for (const { id } of destinations) this.#shelves.set(id, { value: null, mark: null, fault: () => null });
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
        return {
          of: 'preflight',
          results: this.#destinations.map(({ id }) => ({
            destination: id,
            failure: this.shelf(id).fault(now),
          })),
        };
      case 'mint': {
        const { signerVersionId, idempotencyKey } = action.intent;
        const signer = valueById(signerVersionId, memory);
        return this.provider.mint(signer, idempotencyKey, action.rotation.trigger, now);
      }
      case 'take':
        return readAnswer(memory.journal.get(action.rotation.id));
      case 'verify':
        return { of: 'verify', ...this.provider.test(valueById(action.version.id, memory), now) };
      default:
        return { of: 'step' };
    }
  }

  publish(
    id: string,
    version: Version,
    memory: Memory,
    now: number,
  ): { failure: Failure | null; written: boolean } {
    const shelf = this.shelf(id);
    const fault = shelf.fault(now);
    if (fault !== null) return { failure: fault, written: false };
    const mark = markOf(version, INSTALLATION);
    const there = shelf.value === null ? null : { fingerprint: fingerprint(shelf.value), mark: shelf.mark };
    const decision = decidePublication(there, { mark, fingerprint: version.fingerprint });
    if (decision.do === 'refuse') return { failure: decision.failure, written: false };
    if (decision.do === 'nothing') return { failure: null, written: false };
    shelf.value = valueById(version.id, memory);
    shelf.mark = mark;
    return { failure: null, written: true };
  }

  #look(now: number): Outcome {
    return {
      of: 'adopt',
      readings: this.#destinations.map(({ id, required }) => {
        const { value, mark, fault } = this.shelf(id);
        const unread = fault(now);
        const candidate = unread === null && value !== null ? this.#candidate(value, mark, now) : null;
        return { destination: id, required, candidate, failure: unread };
      }),
      configured: this.configured === null ? null : this.#candidate(this.configured, null, now),
      fault: null,
    };
  }

  #candidate(text: string, mark: Mark | null, now: number): Candidate {
    const tested = this.provider.test(text, now);
    const found = { value: Secret.from(text), fingerprint: fingerprint(text), mark };
    if ('keyId' in tested) return { ...found, keyId: tested.keyId, accepted: true, failure: null };
    const accepted = tested.failure.verdict === 'rejected' ? false : null;
    return { ...found, keyId: null, accepted, failure: tested.failure };
  }
}

function valueById(versionId: string, memory: Memory): string {
  const value = memory.values.get(versionId);
  if (value === undefined) throw new TypeError(`the value of version ${versionId} is not held`);
  return value.reveal();
}
