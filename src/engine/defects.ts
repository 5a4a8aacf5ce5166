import { identityOf } from '../alerting/identity.ts';
import type { Claim, Signal, WorkKind } from '../model/index.ts';
import type { State } from '../state/contract.ts';

/** So many failures in succession are more than a hiccup; they are some minutes apart. */
const PATIENCE = 3;

const KIND = 'rotation-attention';

/** What goes wrong when such a record is not turned, for a person. */
const CONSEQUENCES: Partial<Record<WorkKind, string>> = {
  credential: 'Its key is not rotated, tested or recovered meanwhile.',
  publication: 'A destination is not brought the current version meanwhile.',
  hook: 'A hook does not run meanwhile.',
};

/** Turns that fail for a reason that nobody planned for: one that lasts is told, for it stops what it concerns. */
export class Defects {
  readonly #failures = new Map<string, number>();
  /** The identities of what stood at the start. */
  #open = new Set<string>();

  /** Takes in what was told before the start and still stands: the first good turn ends it. */
  async recall(state: Pick<State, 'openAlerts'>, credentials: readonly string[]): Promise<void> {
    const open = await state.openAlerts({ credentials, kinds: [KIND] });
    this.#open = new Set(open.map(({ identity }) => identity));
  }

  /** What is to be told of a failed turn. */
  failed({ kind, id }: Claim, error: unknown, at: number): Signal[] {
    const key = `${kind} ${id}`;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const consequence = CONSEQUENCES[kind];
    if (failures < PATIENCE || consequence === undefined) return [];
    const reason = error instanceof Error ? error.name : typeof error;
    return [
      {
        type: 'raise',
        kind: KIND,
        severity: 'critical',
        credential: credentialOf(id),
        condition: `defect ${key}`,
        at,
        title: `${credentialOf(id)}: Keywarden fails at the ${kind} ${id}, ${failures} times in succession`,
        summary: `${consequence} It is tried again every minute. The log has the error (${reason}).`,
        action:
          'Look into the log of the daemon; if nothing there can be repaired, restart it and report the error.',
        deadline: null,
        evidence: { record: key, failures, error: reason },
      },
    ];
  }

  /** What ends with a turn that went well. */
  succeeded({ kind, id }: Claim, at: number): Signal[] {
    const key = `${kind} ${id}`;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.delete(key);
    if (CONSEQUENCES[kind] === undefined) return [];
    const about = { kind: KIND, credential: credentialOf(id), condition: `defect ${key}` } as const;
    const stands = this.#open.delete(identityOf(about));
    return stands || failures >= PATIENCE ? [{ type: 'resolve', ...about, at }] : [];
  }
}

/** Publications and hooks bear the credential before a blank. */
function credentialOf(id: string): string {
  return id.split(' ')[0] ?? id;
}
