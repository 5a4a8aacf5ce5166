import { DAY } from '../model/index.ts';
import type { EngineContext } from './context.ts';

/** Deletes what has outlived its retention, at most once a day; it may be done twice. */
export class KeepHouse {
  readonly #context: EngineContext;
  readonly #stopping: AbortSignal;
  #doneAt: number;

  /** @param former the one whose place it takes in the same process */
  constructor(context: EngineContext, stopping: AbortSignal, former: KeepHouse | null = null) {
    this.#context = context;
    this.#stopping = stopping;
    this.#doneAt = former === null ? 0 : former.#doneAt;
  }

  /** The work of the day, where it was not done yet. Never throws. */
  async daily(): Promise<void> {
    const { state, clock, config, log } = this.#context;
    const { rotations, alerts, audit } = config.state.retain;
    const now = clock.now();
    if (this.#stopping.aborted || now - this.#doneAt < DAY) return;
    this.#doneAt = now;
    try {
      await state.prune({
        rotations: now - rotations,
        alerts: now - alerts,
        ...(audit === undefined ? {} : { audit: now - audit }),
      });
    } catch (error) {
      log.warn({ error }, 'what has outlived its retention could not be deleted; tried again tomorrow');
    }
  }
}
