import type { Kysely, Transaction } from 'kysely';
import { statement, straight } from './prepared.ts';
import type { Tables } from './tables.ts';

type Job = {
  readonly run: (trx: Transaction<Tables>) => Promise<unknown>;
  readonly fleeting: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** What the database does for commits in general. */
export type CommitsOptions = {
  /** Throws where the database is no longer ours; it is asked before each transaction and before its acknowledgement. */
  readonly guard: () => void;
  /** Is waited for before each transaction: who writes meanwhile is aboard. */
  readonly gather?: (() => Promise<void>) | undefined;
  /** Whether the next transaction has to be on the disk when it ends; absent: each has. */
  readonly lasting?: ((lasts: boolean) => void) | undefined;
};

/** More than this wait for the next transaction, so that reads get their turn. */
const BATCH = 256;

/**
 * Group commit: what is written at the same time shares one transaction, for it is the wait for the disk that costs.
 * Each still is all or none by itself, several in a savepoint each, and none is acknowledged before all are on the disk.
 */
export class Commits {
  readonly #db: Kysely<Tables>;
  readonly #options: CommitsOptions;
  #waiting: Job[] = [];
  #draining: Promise<void> | null = null;

  constructor(db: Kysely<Tables>, options: CommitsOptions) {
    this.#db = db;
    this.#options = options;
  }

  /**
   * Runs `job` in a transaction; resolves once that is on the disk, or, of a fleeting one, once it outlives the process.
   * What the job throws rolls back the job alone.
   */
  write<T>(job: (trx: Transaction<Tables>) => Promise<T>, fleeting = false): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ run: job, fleeting, resolve: (value) => resolve(value as T), reject });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves once nothing is waiting. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    do {
      await (this.#options.gather?.() ?? Promise.resolve());
      await this.#runBatch(this.#waiting.splice(0, BATCH));
    } while (this.#waiting.length > 0);
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
    const { guard, lasting } = this.#options;
    guard();
    lasting?.(batch.some(({ fleeting }) => !fleeting));
    const [first, ...others] = batch;
    const alone = first !== undefined && others.length === 0;
    const outcomes = await (alone ? this.#transactOne(first) : this.#transactAll(batch));
    guard();
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
      await straight(trx);
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

/** Not Kysely's own: each of them makes a transaction's object anew, which costs more than the job. */
const savepoint = statement('savepoint job');
const release = statement('release savepoint job');
const rollBack = statement('rollback to savepoint job');

/** Throws only where the whole transaction is lost: a full disk can make the database roll all of it back. */
async function attempt(trx: Transaction<Tables>, job: Job): Promise<Outcome> {
  await savepoint(trx);
  try {
    const value = await job.run(trx);
    await release(trx);
    return { value };
  } catch (error) {
    try {
      await rollBack(trx);
      await release(trx);
    } catch {
      throw error;
    }
    return { error };
  }
}
