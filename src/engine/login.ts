import { type Claim, failureOf } from '../model/index.ts';
import { backoff } from '../rotation/index.ts';
import { type EngineContext, named } from './context.ts';

/** Failed renewals in succession, by store: only spacing depends on it, so a restart may forget it. */
export class Logins {
  readonly #failures = new Map<string, number>();

  /** One turn of a store's login: renewed ahead of its end, as due work, so that no publication waits for it. */
  async turn(context: EngineContext, claim: Claim): Promise<void> {
    const { state, clock, log, plugins } = context;
    let next: number | null;
    try {
      const after = await named(plugins.stores, claim.id).renewLogin();
      this.#failures.delete(claim.id);
      next = after === null ? null : clock.now() + after;
    } catch (error) {
      const failure = failureOf(error);
      const failures = (this.#failures.get(claim.id) ?? 0) + 1;
      this.#failures.set(claim.id, failures);
      log.warn(
        { store: claim.id, failure },
        `${claim.id}: the login could not be renewed: ${failure.message}`,
      );
      next = clock.now() + backoff(failures, { retryAfterMs: failure.retryAfterMs });
    }
    await state.commit([], { hold: { claim, next } });
  }
}
