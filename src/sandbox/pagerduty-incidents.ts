/** An incident as PagerDuty would show it: all events of one dedup key until it is resolved. */
export type Incident = {
  readonly dedupKey: string;
  readonly status: 'triggered' | 'acknowledged' | 'resolved';
  readonly summary: string;
  readonly severity: string;
  readonly source: string;
  readonly triggeredAt: number;
  readonly acknowledgedAt: number | null;
  readonly resolvedAt: number | null;
  /** How many trigger events were folded into it. */
  readonly triggers: number;
};

type Step = {
  readonly receivedAt: number;
  readonly action: 'trigger' | 'acknowledge' | 'resolve' | 'change';
  readonly dedupKey: string;
  readonly payload: Readonly<Record<string, unknown>> | null;
};

/** How many incidents are remembered. */
const KEPT = 10_000;

/**
 * Folds one event into the incidents. A trigger joins the open incident of its dedup key, acknowledged or not, and
 * opens one where there is none; an acknowledge or resolve without an open incident is dropped.
 */
export function fold(incidents: readonly Incident[], event: Step): readonly Incident[] {
  const open = incidents.findLast(
    ({ dedupKey, status }) => dedupKey === event.dedupKey && status !== 'resolved',
  );
  const after = next(open, event);
  if (after === null) return incidents;
  if (open === undefined) return [...incidents, after].slice(-KEPT);
  return incidents.map((incident) => (incident === open ? after : incident));
}

function next(open: Incident | undefined, event: Step): Incident | null {
  const at = event.receivedAt;
  if (event.action === 'trigger') {
    return open === undefined ? opened(event) : { ...open, triggers: open.triggers + 1 };
  }
  if (open === undefined) return null;
  if (event.action === 'resolve') return { ...open, status: 'resolved', resolvedAt: at };
  if (event.action === 'acknowledge') {
    return { ...open, status: 'acknowledged', acknowledgedAt: open.acknowledgedAt ?? at };
  }
  return null;
}

function opened(event: Step): Incident {
  const { summary, severity, source } = event.payload ?? {};
  return {
    dedupKey: event.dedupKey,
    status: 'triggered',
    summary: String(summary),
    severity: String(severity),
    source: String(source),
    triggeredAt: event.receivedAt,
    acknowledgedAt: null,
    resolvedAt: null,
    triggers: 1,
  };
}
