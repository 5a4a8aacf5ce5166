import { findingsToSignals } from '../../alerting/finding.ts';
import { identityOf } from '../../alerting/identity.ts';
import type { MonitorConfig } from '../../config/types.ts';
import type { Rules } from '../../detectors/contract.ts';
import {
  type AlertKind,
  type Change,
  DAY,
  type Finding,
  formatTime,
  KeywardenError,
  type Raise,
  type Rotation,
  type Severity,
  type Signal,
} from '../../model/index.ts';
import { admit, givesWay, type Situation } from '../../rotation/index.ts';
import type { EngineContext } from '../context.ts';
import { timeOf } from '../provider-time.ts';
import { situationOf } from '../situation.ts';

/** Who asks for the rotations that a finding sets off. */
const ACTOR = 'watch';
/** As the audit log calls it, whoever asks. */
const REQUESTED = 'rotation.requested';

/** A credential is rotated at most once in this time because of what the log showed. */
const AT_MOST_EACH = DAY;

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** What was done about a finding, for the people who read of it. */
type Answer = {
  readonly told: string;
  /** The id of the rotation that was begun; null: none was. */
  readonly rotation: string | null;
  readonly changes: readonly Change[];
};

/** What is told of the findings, with what was done about them, and the changes that do it; to be committed together. */
export type Response = { readonly signals: readonly Signal[]; readonly changes: readonly Change[] };

/**
 * Begins emergency rotations for the findings whose severity is configured to: a finding that is told for the first time,
 * or that has become graver, and that names a managed credential. What was done stands in the alert for as long as that is
 * open. The changes are refused as stale, with the whole commit, where a credential has changed meanwhile: then respond anew.
 */
export async function respond(
  context: EngineContext,
  { name, rules }: Pick<MonitorConfig, 'name' | 'rules'>,
  findings: readonly Finding[],
): Promise<Response> {
  const signals = findingsToSignals(findings, name);
  if (signals.length === 0 || Object.keys(rules.rotate).length === 0) return { signals, changes: [] };
  const open = await openAlerts(context, signals);
  const answers = new Map<string, Answer>();
  const told: Signal[] = [];
  for (const [index, signal] of signals.entries()) {
    const identity = identityOf(signal);
    if (signal.type === 'resolve') {
      open.delete(identity);
      told.push(signal);
      continue;
    }
    const before = open.get(identity);
    const cause = causeOf(rules.rotate, findings[index]);
    let answer = before?.answer ?? null;
    if (cause !== null && signal.credential !== undefined && isFresh(signal, before)) {
      answer = answers.get(signal.credential) ?? (await answerTo(context, signal.credential, cause));
      answers.set(signal.credential, answer);
    }
    open.set(identity, { severity: graver(signal.severity, before?.severity), answer });
    told.push(answer === null ? signal : withAnswer(signal, answer));
  }
  return { signals: told, changes: [...answers.values()].flatMap(({ changes }) => changes) };
}

/** The kind for which the finding rotates: its own, or that of another that it bears the alert for; null: for none. */
function causeOf(rotate: Rules['rotate'], finding: Finding | undefined): AlertKind | null {
  if (finding === undefined) return null;
  const severities: Readonly<Partial<Record<AlertKind, readonly Severity[]>>> = rotate;
  const told = [finding, ...(finding.also ?? [])];
  return told.find(({ kind, severity }) => severities[kind]?.includes(severity))?.kind ?? null;
}

/** An open alert without an answer had no cause for one when it was told last. */
function isFresh({ severity }: Raise, before: Open | undefined): boolean {
  return before === undefined || before.answer === null || RANK[severity] > RANK[before.severity];
}

function graver(severity: Severity, before: Severity = severity): Severity {
  return RANK[severity] > RANK[before] ? severity : before;
}

type Open = { readonly severity: Severity; readonly answer: Answer | null };

/** The alerts that these signals go on with, and what was done about each. */
async function openAlerts({ state }: EngineContext, signals: readonly Signal[]): Promise<Map<string, Open>> {
  const alerts = await state.alertsByIdentity([...new Set(signals.map(identityOf))]);
  const open = new Map<string, Open>();
  for (const { identity, severity, state: at, evidence } of alerts) {
    if (at === 'resolved') continue;
    const { response: told, emergencyRotation } = evidence;
    const rotation = typeof emergencyRotation === 'string' ? emergencyRotation : null;
    open.set(identity, {
      severity,
      answer: typeof told === 'string' ? { told, rotation, changes: [] } : null,
    });
  }
  return open;
}

function withAnswer(signal: Raise, { told, rotation }: Answer): Raise {
  const { evidence, credential } = signal;
  const summary = `${signal.summary} ${told}`;
  if (rotation === null) return { ...signal, summary, evidence: { ...evidence, response: told } };
  return {
    ...signal,
    summary,
    action: `See that every application gets the new key: \`keywarden history ${credential}\`. Then find out who had the old one.`,
    evidence: { ...evidence, response: told, emergencyRotation: rotation },
  };
}

async function answerTo(context: EngineContext, credential: string, kind: AlertKind): Promise<Answer> {
  const now = timeOf(context, credential);
  let situation: Situation;
  try {
    situation = await situationOf(context, credential, { now });
  } catch (error) {
    if (!(error instanceof KeywardenError && error.code === 'unknown_credential')) throw error;
    return declined(`${credential} is configured no more`);
  }
  const busy = underWay(situation);
  if (busy !== null) return declined(`${named(busy)} is under way (${busy.queued ? 'waiting' : busy.state})`);
  const last = await lastBegun(context, credential);
  if (last !== null && Math.abs(now - last.at) < AT_MOST_EACH)
    return declined(
      `${last.rotation} was begun at ${formatTime(last.at)}, and the watch begins one in 24 hours at most`,
    );
  const request = { emergency: true, reason: kind, actor: ACTOR, requestKey: null };
  const admission = admit(situation, request, context.newId(), now);
  if (!admission.admitted) return declined(admission.reason);
  return begun(context, situation, admission.rotation, now);
}

function underWay({ snapshot: { open, queued } }: Situation): Rotation | null {
  return [queued, open].find((rotation) => rotation?.trigger === 'emergency') ?? null;
}

/** From the audit log: it outlives restarts, and the rotations too. */
async function lastBegun({ state }: EngineContext, credential: string) {
  const query = { credential, actor: ACTOR, action: REQUESTED, limit: 1 };
  const [entry] = (await state.audit(query)).items;
  return entry === undefined
    ? null
    : { at: entry.at, rotation: `emergency rotation ${entry.detail.rotation}` };
}

function begun(context: EngineContext, { snapshot }: Situation, rotation: Rotation, now: number): Answer {
  const { id, credential, trigger, reason } = rotation;
  return {
    told: `Keywarden has begun an ${named(rotation)} of ${credential}${place(snapshot.open)}.`,
    rotation: id,
    changes: [
      { type: 'credential.expect', name: credential, revision: snapshot.revision },
      { type: 'rotation.put', rotation },
      {
        type: 'audit.append',
        entry: {
          at: now,
          actor: ACTOR,
          action: REQUESTED,
          credential,
          detail: { rotation: id, trigger, reason },
        },
      },
      { type: 'work.wake', kind: 'credential', id: credential, at: context.clock.now() },
    ],
  };
}

/** What becomes of the rotation that is open. */
function place(open: Rotation | null): string {
  if (open === null) return '';
  return givesWay(open)
    ? `; it takes the place of rotation ${open.id}`
    : `; it waits for rotation ${open.id} to end ${open.state}`;
}

const named = ({ id }: Rotation): string => `emergency rotation ${id}`;

function declined(why: string): Answer {
  return { told: `Keywarden has not begun an emergency rotation: ${why}.`, rotation: null, changes: [] };
}
