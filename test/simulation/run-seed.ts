import { mock } from 'node:test';
import { Database } from './database.ts';
import { type Chooser, exactly, randomly, type Struck } from './faults.ts';
import type { Bent, Failed } from './ground.ts';
import { type Plan, planOf } from './plan.ts';
import { World } from './world.ts';

/** What came of one seed. */
export type Ran = {
  readonly plan: Plan;
  readonly failed: Failed | null;
  readonly hash: string;
  readonly struck: readonly Struck[];
  readonly reached: ReadonlyMap<string, number>;
  readonly happenings: number;
  readonly tail: readonly string[];
};

export type RunOptions = {
  readonly plan: Plan;
  readonly struck?: readonly Struck[];
  readonly choose?: Chooser;
  readonly bent?: Bent;
  readonly steps?: number;
};

/** Runs worlds one after the other on one database. */
export class Runner {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(): Promise<Runner> {
    const database = new Database();
    await database.prepare();
    return new Runner(database);
  }

  seed(seed: number, options: Partial<RunOptions> = {}): Promise<Ran> {
    return this.run({ plan: planOf(seed), ...options });
  }

  async run({ plan, struck, choose, bent, steps }: RunOptions): Promise<Ran> {
    this.#database.reset();
    const world = new World({
      plan,
      database: this.#database,
      choose: choose ?? (struck === undefined ? randomly(plan) : exactly(struck)),
      ...(bent === undefined ? {} : { bent }),
      ...(steps === undefined ? {} : { steps }),
    });
    // Who waits for a token looks again each second of real time: none passes here, or no run could be had twice.
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      await world.run();
    } finally {
      mock.timers.reset();
    }
    return {
      plan,
      failed: world.failed,
      hash: world.trace.digest(),
      struck: world.struck,
      reached: world.reached,
      happenings: world.happenings,
      tail: world.trace.tail(400),
    };
  }
}
