import { answered, incidentReport, isReportable } from '../alerting/incident.ts';
import { lookAgain } from '../alerting/pipeline.ts';
import { goesOnAs } from '../alerting/risen.ts';
import { type Alert, type AuditEntry, KeywardenError } from '../model/index.ts';
import { type State, StateError } from '../state/contract.ts';
import type { Engine } from './engine.ts';

/** So many entries of the audit log are looked through for what was done. */
const ENTRIES = 500;

export type IncidentRequest = {
  /** The report was sent: the provider's answer is waited for. */
  readonly sent: boolean;
  /** The answer has come. */
  readonly answered: boolean;
};

/**
 * The report of a security alert for the provider, and what became of it.
 * @throws {KeywardenError} `unknown_alert`, `not_reportable`
 */
export async function reportIncident(
  engine: Engine,
  alertId: string,
  request: IncidentRequest,
  actor: string,
): Promise<{ readonly alert: Alert; readonly report: string }> {
  const { state } = engine.context;
  for (;;) {
    const alert = await asItIs(state, alertId);
    if (alert === null)
      throw new KeywardenError('unknown_alert', `there is no alert ${alertId.slice(0, 64)}`);
    if (!isReportable(alert))
      throw new KeywardenError(
        'not_reportable',
        `${alert.kind} is nothing to report to a provider; only security alerts are`,
      );
    const report = await reportOf(engine, alert);
    try {
      return { alert: await record(engine, alert, request, actor), report };
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'conflict') throw error;
    }
  }
}

/** What got worse is reported as what it became, unless an answer to its own report is waited for. */
async function asItIs(state: State, id: string): Promise<Alert | null> {
  const alert = await state.alert(id);
  const next = alert === null || alert.reportedAt !== null ? null : goesOnAs(alert);
  return next === null ? alert : ((await asItIs(state, next)) ?? alert);
}

/** The first report counts: a second one does not wind back the provider's clock. */
async function record(
  engine: Engine,
  alert: Alert,
  { sent, answered: over }: IncidentRequest,
  actor: string,
): Promise<Alert> {
  const { context } = engine;
  const now = context.clock.now();
  if (over ? alert.reportedAt === null : !sent || alert.reportedAt !== null) return alert;
  const after: Alert = { ...alert, reportedAt: over ? null : now, revision: alert.revision + 1 };
  const entry: AuditEntry = {
    at: now,
    actor,
    action: over ? 'incident.answered' : 'incident.reported',
    credential: alert.credential ?? null,
    detail: { alert: alert.id, kind: alert.kind },
  };
  await engine.submit(
    [
      { type: 'alert.put', alert: after, expected: alert.revision },
      // What it is owed, and when to look again, is found by its own turn.
      ...lookAgain(after, now),
      { type: 'audit.append', entry },
    ],
    over ? [answered(alert, now)] : [],
  );
  return after;
}

async function reportOf({ context }: Engine, alert: Alert): Promise<string> {
  const { config, state, clock } = context;
  const { credential, monitor, id } = alert;
  const [own, all, rotations, snapshot] = await Promise.all([
    credential === undefined ? null : state.audit({ credential, limit: ENTRIES }),
    state.audit({ limit: ENTRIES }),
    credential === undefined ? null : state.rotations({ credential, limit: 20 }),
    credential === undefined ? null : state.credential(credential),
  ]);
  const entries = own?.items ?? all.items.filter(({ detail }) => detail.alert === id);
  const issued = credential === undefined ? undefined : config.credentials[credential]?.provider;
  return incidentReport(alert, {
    now: clock.now(),
    installation: config.installation.name,
    environment: config.installation.environment,
    provider: issued ?? (monitor === undefined ? null : (config.monitors[monitor]?.provider ?? null)),
    audit: entries.toReversed(),
    rotations: rotations?.items ?? [],
    versions: snapshot?.versions ?? [],
  });
}
