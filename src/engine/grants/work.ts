import type { Change, Claim } from '../../model/index.ts';
import { clientOfLane } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { clientOfConsents } from '../lanes.ts';
import type { Gate } from '../loop.ts';
import { turnAuthorization } from './authorization.ts';
import type { Surroundings } from './bear.ts';
import { turnClient } from './client.ts';
import { type Client, Clients } from './clients.ts';
import { Grants } from './commands.ts';
import type { GrantCommands } from './contract.ts';
import { HandOut } from './hand-out.ts';
import { turnGrant } from './turn.ts';
import { Waiting } from './waiting.ts';

/** What the work on grants needs of the engine around it. */
export type GrantSurroundings = Surroundings & {
  /** Turns the loop. */
  readonly wake: () => void;
  /** Resolves after the next turn of any record, or when `signal` aborts. */
  readonly nextTurn: (signal: AbortSignal) => Promise<void>;
};

/** All that the engine does with OAuth grants, in one place: their turns, their gates, and what may be asked of them. */
export class GrantWork {
  readonly commands: GrantCommands;
  readonly #context: EngineContext;
  readonly #committer: Committer;
  readonly #surroundings: GrantSurroundings;
  readonly #clients: Clients;
  readonly #waiting: Waiting;

  /** @param former the work of the engine whose place is taken: who waits there is served here */
  constructor(
    context: EngineContext,
    committer: Committer,
    surroundings: GrantSurroundings,
    former: GrantWork | null,
  ) {
    this.#context = context;
    this.#committer = committer;
    this.#surroundings = surroundings;
    this.#clients = new Clients(context);
    this.#waiting = former === null ? new Waiting(context.clock) : former.#waiting;
    const [clients, waiting] = [this.#clients, this.#waiting];
    const handOut = new HandOut(context, waiting, surroundings.wake);
    this.commands = new Grants({ context, committer, clients, handOut, ...surroundings });
  }

  /** What bounds the grants of a client beside their number; undefined where it is not configured. */
  gate(client: string): Gate | undefined {
    return this.#clients.get(client)?.gate;
  }

  /** Reads what has to be known before the first turn. */
  load(): Promise<void> {
    return this.#clients.load();
  }

  /** Takes in what a commit has brought. */
  committed(changes: readonly Change[]): void {
    this.#clients.committed(changes);
    this.#waiting.committed(changes);
  }

  /** One turn of a grant, a consent or a client. */
  async turn(claim: Claim): Promise<void> {
    const client = this.#clientOf(claim);
    if (client === undefined) {
      // No longer configured: parked until it is again.
      return this.#context.state.commit([], { hold: { claim, next: null } });
    }
    const [context, committer, waiting] = [this.#context, this.#committer, this.#waiting];
    const parts = { context, committer, waiting, client, claim, ...this.#surroundings };
    switch (claim.kind) {
      case 'grant':
        return turnGrant(parts);
      case 'authorization':
        return turnAuthorization(parts);
      default:
        return turnClient(parts);
    }
  }

  #clientOf({ kind, id, lane }: Claim): Client | undefined {
    const name = kind === 'client' ? id : (clientOfLane(lane) ?? clientOfConsents(lane));
    return name === null ? undefined : this.#clients.get(name);
  }
}
