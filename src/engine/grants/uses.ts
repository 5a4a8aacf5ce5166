import type { Change, Grant } from '../../model/index.ts';
import { HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { hotAt } from '../../rotation/grants/index.ts';
import { grantId } from '../../state/contract.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import type { Client } from './clients.ts';

/** A use is written so often at most. */
const USED_EVERY = 10 * MINUTE;
/** A grant that was not used for so long is not refreshed ahead: its next use says when it is to be. */
const IDLE_AFTER = HOUR;
/**
 * So many uses are written every so often, for each is a place of its own on the disk, and callers wait meanwhile. It is
 * more than any provider lets us refresh ahead.
 */
const GATHERED = SECOND;
const A_COMMIT = 50;
/** Beyond so many a use is not gathered: the next one is, or its token is refreshed when it is asked for. */
const MOST = 10_000;

/**
 * Notes that grants are in use, which has their tokens refreshed ahead. Nobody waits for it; what is lost with the process,
 * or cannot be written, is noted with the next use.
 */
export class Uses {
  readonly #context: EngineContext;
  readonly #wake: () => void;
  /** By our clock as it is when they are written: it may be set back meanwhile. */
  readonly #gathered = new Map<string, () => readonly Change[]>();

  /** @param wake turns the loop */
  constructor(context: EngineContext, wake: () => void) {
    this.#context = context;
    this.#wake = wake;
  }

  /** An application got a token of this grant at `now`, by the server's time. */
  note(client: Client, grant: Grant, now: number): void {
    if (grant.usedAt !== null && now - grant.usedAt < USED_EVERY) return;
    const id = grantId(grant.client, grant.subject);
    if (this.#gathered.has(id) || this.#gathered.size >= MOST) return;
    if (this.#gathered.size === 0) this.#context.clock.after(GATHERED, () => void this.#write());
    const { clock } = this.#context;
    const changes = this.#changesOf(client, grant, now);
    this.#gathered.set(id, () => dueByOurClock(changes, client.now(), clock.now()));
  }

  #changesOf({ config }: Client, grant: Grant, now: number): Change[] {
    const { client, subject, usedAt, generation } = grant;
    const use: Change = { type: 'grant.use', client, subject, at: now };
    if (usedAt !== null && now - usedAt < IDLE_AFTER) return [use];
    const spread = this.#context.hash.unit(client, subject, String(generation));
    const at = hotAt(grant, config.policy, spread) ?? now;
    return [use, { type: 'grant.wake', client, subject, due: { at, lane: 'hot' } }];
  }

  async #write(): Promise<void> {
    const { state, log, clock } = this.#context;
    const written = [...this.#gathered].slice(0, A_COMMIT);
    for (const [id] of written) this.#gathered.delete(id);
    if (this.#gathered.size > 0) clock.after(GATHERED, () => void this.#write());
    try {
      await state.commit(
        written.flatMap(([, changes]) => changes()),
        { fleeting: true },
      );
    } catch (error) {
      log.warn({ error }, 'that grants are in use could not be written; their next use is');
    }
    this.#wake();
  }
}
