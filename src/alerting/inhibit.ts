import type { Alert, AlertKind, Delivery, Silence } from '../model/index.ts';
import { isKnown } from './delivery.ts';
import { mutedUntil } from './silence.ts';

/** What explains refused logins of a credential's own users: its key did not reach them, or is refused. */
const CAUSES: ReadonlySet<AlertKind> = new Set([
  'rotation-failed',
  'rotation-attention',
  'publish-failed',
  'credential-rejected',
]);

/** What may explain an alert, and how people stand to it. */
export type Causes = {
  readonly now: number;
  /** Alerts that are not resolved, those of the same credential at least. */
  readonly open: readonly Alert[];
  readonly silences: readonly Silence[];
  /** The deliveries of one of these; those of the {@link mutedCauses} at least. */
  readonly own: (cause: Alert) => readonly Delivery[];
};

/**
 * The open alert that explains this one, so that nobody need be told of it as well; null: none does. A failed rotation
 * leaves applications with a key that is refused: their 401 are its effect. Guessing is never explained so: a
 * source that got in, or that was never seen on the key, is told. What a silence has kept from everybody explains
 * nothing: nobody would hear of either.
 */
export function explainedBy(alert: Alert, { open, ...around }: Causes): Alert | null {
  return open.find((cause) => mayExplain(cause, alert) && isHeardOf(cause, around)) ?? null;
}

/** Whether one is a cause of what the other says, for as long as it is open. */
export function mayExplain(cause: Alert, alert: Alert): boolean {
  if (alert.kind !== 'auth-failure-spike' || alert.credential === undefined) return false;
  if (alert.evidence.knownSources !== true || alert.evidence.gotIn !== undefined) return false;
  return explains(cause) && cause.credential === alert.credential && cause.state !== 'resolved';
}

function isHeardOf(cause: Alert, { now, silences, own }: Omit<Causes, 'open'>): boolean {
  return (
    mutedUntil(cause, silences, now) === null ||
    own(cause).some((one) => one.event === 'trigger' && (one.state === 'pending' || isKnown(one)))
  );
}

/** Of these it matters whether anybody was told: a silence holds by now. */
export function mutedCauses({ now, open, silences }: Omit<Causes, 'own'>): readonly Alert[] {
  return open.filter((alert) => explains(alert) && mutedUntil(alert, silences, now) !== null);
}

/** What explains, and what is explained: where a signal is of none of these kinds, no other alert matters to it. */
export const RELATED: readonly AlertKind[] = [...CAUSES, 'auth-failure-spike'];

/** Whether the end of such an alert may leave others without their explanation. */
export function explains({ kind }: Pick<Alert, 'kind'>): boolean {
  return CAUSES.has(kind);
}
