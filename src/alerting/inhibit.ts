import type { Alert, AlertKind } from '../model/index.ts';

/** What explains refused logins of a credential's own users: its key did not reach them, or is refused. */
const CAUSES: ReadonlySet<AlertKind> = new Set([
  'rotation-failed',
  'rotation-attention',
  'publish-failed',
  'credential-rejected',
]);

/**
 * The open alert that explains this one, so that nobody need be told of it as well; null: none does. A failed rotation
 * leaves applications with a key that is refused: their 401 are its effect. Guessing is never explained so: a
 * source that got in, or that was never seen on the key, is told.
 *
 * @param open alerts that are not resolved, of the same credential at least
 */
export function explainedBy(alert: Alert, open: readonly Alert[]): Alert | null {
  if (alert.kind !== 'auth-failure-spike' || alert.credential === undefined) return null;
  if (alert.evidence.knownSources !== true || alert.evidence.gotIn !== undefined) return null;
  return (
    open.find(
      ({ kind, credential, state }) =>
        CAUSES.has(kind) && credential === alert.credential && state !== 'resolved',
    ) ?? null
  );
}

/** What explains, and what is explained: where a signal is of none of these kinds, no other alert matters to it. */
export const RELATED: readonly AlertKind[] = [...CAUSES, 'auth-failure-spike'];

/** Whether the end of such an alert may leave others without their explanation. */
export function explains({ kind }: Pick<Alert, 'kind'>): boolean {
  return CAUSES.has(kind);
}
