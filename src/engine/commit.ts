import { identityOf } from '../alerting/identity.ts';
import { mutedCauses, RELATED } from '../alerting/inhibit.ts';
import type { AlertingContext } from '../alerting/passage.ts';
import { process as processSignals } from '../alerting/pipeline.ts';
import type { Change, Claim, Signal } from '../model/index.ts';
import { type Hold, StateError } from '../state/contract.ts';
import type { EngineContext } from './context.ts';

export type CommitOptions = { readonly hold?: Hold; readonly under?: Claim };

/** Somebody else wrote the same alert between our read and our write this often in succession: give up. */
const CONFLICT_LIMIT = 10;

/**
 * The one way in which changes and what they have to tell reach the state: one commit, deliveries included.
 * Signals are processed one batch at a time, so that two of one identity cannot both find it new.
 */
export class Committer {
  readonly #context: EngineContext;
  readonly #delivered: () => void;
  readonly #committed: (changes: readonly Change[]) => void;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param delivered called after a commit that owes somebody a message, now or later
   * @param committed called after every commit that changed something
   */
  constructor(
    context: EngineContext,
    delivered: () => void,
    committed: (changes: readonly Change[]) => void = () => undefined,
  ) {
    this.#context = context;
    this.#delivered = delivered;
    this.#committed = committed;
  }

  async commit(
    changes: readonly Change[],
    signals: readonly Signal[],
    options: CommitOptions = {},
  ): Promise<void> {
    const idle = changes.length === 0 && options.hold === undefined && options.under === undefined;
    if (signals.length === 0 && idle) return;
    if (signals.length === 0) {
      await this.#context.state.commit(changes, options);
      return this.#committed(changes);
    }
    const mine = this.#turn.then(() => this.#commitWithAlerts(changes, signals, options));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Resolves once the signals that were handed in until now are committed. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #commitWithAlerts(
    changes: readonly Change[],
    signals: readonly Signal[],
    options: CommitOptions,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const alerting = await this.#alerting(signals);
        await this.#context.state.commit([...changes, ...alerting], options);
        this.#committed(changes);
        if (alerting.some(({ type }) => type === 'delivery.put' || type === 'work.put')) this.#delivered();
        return;
      } catch (error) {
        const conflict = error instanceof StateError && error.code === 'conflict';
        if (!conflict || attempt === CONFLICT_LIMIT) throw error;
      }
    }
  }

  async #alerting(signals: readonly Signal[]): Promise<Change[]> {
    const { state, counters } = this.#context;
    const identities = [...new Set(signals.map(identityOf))];
    const scope = alertingScope(this.#context);
    const [existing, silences, related] = await Promise.all([
      state.alertsByIdentity(identities),
      state.silences(scope.now),
      state.openAlerts({ credentials: relatedCredentials(signals), kinds: RELATED }),
    ]);
    for (const signal of signals) {
      if (signal.type === 'raise')
        counters.count('findings_total', { kind: signal.kind, severity: signal.severity });
    }
    const open = existing.filter((alert) => alert.state !== 'resolved');
    const owing = [...open, ...mutedCauses({ now: scope.now, open: related, silences })];
    return processSignals(signals, existing, {
      ...scope,
      deliveries: await state.deliveriesOf([...new Set(owing.map(({ id }) => id))]),
      silences,
      open: related,
    });
  }
}

/** Of the signals that other alerts may explain, or that may explain others. */
function relatedCredentials(signals: readonly Signal[]): string[] {
  const credentials = signals.flatMap(({ kind, credential }) =>
    credential !== undefined && RELATED.includes(kind) ? [credential] : [],
  );
  return [...new Set(credentials)];
}

/** What the alerting needs of the configuration and the clock. */
export function alertingScope({
  config,
  clock,
  hash,
  newId,
}: EngineContext): Omit<AlertingContext, 'deliveries' | 'silences' | 'open'> {
  return {
    now: clock.now(),
    installation: config.installation.name,
    environment: config.installation.environment,
    routes: config.routes,
    channels: Object.fromEntries(Object.entries(config.channels).map(([name, { kind }]) => [name, kind])),
    repeat: config.group.repeat,
    newId,
    digest: hash.digest,
  };
}
