import type { ControlledTransaction, Kysely, Transaction } from 'kysely';
import { straight } from './prepared.ts';
import type { Tables } from './tables.ts';

type Job = {
  readonly run: (trx: Transaction<Tables>) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** More than this wait for the next transaction, so that reads get their turn. */
const BATCH = 256;

/**
 * Group commit: what is written at the same time shares one transaction, for it is the wait for the disk that costs.
 * Each still is all or none by itself, several in a savepoint each, and none is acknowledged before all are on the disk.
 */
export class Commits {
  readonly #db: Kysely<Tables>;
  readonly #guard: () => void;
  #waiting: Job[] = [];
  #draining: Promise<void> | null = null;

  /** `guard` throws where the database is no longer ours; it is asked before each transaction and before its acknowledgement. */
  constructor(db: Kysely<Tables>, guard: () => void) {
    this.#db = db;
    this.#guard = guard;
  }

  /** Runs `job` in a transaction; resolves once that is on the disk. What the job throws rolls back the job alone. */
  write<T>(job: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ run: job, resolve: (value) => resolve(value as T), reject });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves once nothing is waiting. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // A turn later, whoever writes in this one is aboard.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#runBatch(this.#waiting.splice(0, BATCH));
    this.#draining = null;
  }

  async #runBatch(batch: readonly Job[]): Promise<void> {
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.#transact(batch);
    } catch (error) {
      outcomes = batch.map(() => ({ error }));
    }
    for (const [index, job] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome !== undefined && 'value' in outcome) job.resolve(outcome.value);
      else job.reject(outcome?.error);
    }
  }

  async #transact(batch: readonly Job[]): Promise<readonly Outcome[]> {
    this.#guard();
    const [first, ...others] = batch;
    const alone = first !== undefined && others.length === 0;
    const outcomes = await (alone ? this.#transactOne(first) : this.#transactAll(batch));
    this.#guard();
    return outcomes;
  }

  /** What it throws is the whole transaction's failure: no savepoint is needed. */
  async #transactOne(job: Job): Promise<readonly Outcome[]> {
    const value = await this.#db.transaction().execute(async (trx) => {
      await straight(trx);
      return job.run(trx);
    });
    return [{ value }];
  }

  async #transactAll(batch: readonly Job[]): Promise<readonly Outcome[]> {
    const trx = await this.#db.startTransaction().execute();
    try {
      const outcomes: Outcome[] = [];
      for (const job of batch) outcomes.push(await attempt(trx, job));
      await trx.commit().execute();
      return outcomes;
    } catch (error) {
      // The first error tells why; a rollback that fails too adds nothing.
      if (!trx.isCommitted) await trx.rollback().execute().catch(ignore);
      throw error;
    }
  }
}

function ignore(): void {}

/** Throws only where the whole transaction is lost: a full disk can make the database roll all of it back. */
async function attempt(trx: ControlledTransaction<Tables>, job: Job): Promise<Outcome> {
  const point = await trx.savepoint('job').execute();
  try {
    await straight(point);
    const value = await job.run(point);
    await point.releaseSavepoint('job').execute();
    return { value };
  } catch (error) {
    try {
      const back = await point.rollbackToSavepoint('job').execute();
      await back.releaseSavepoint('job').execute();
    } catch {
      throw error;
    }
    return { error };
  }
}
