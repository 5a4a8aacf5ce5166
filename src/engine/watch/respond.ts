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
  type VersionState,
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

/** They tell of calls that were accepted: where one bears an alert, somebody got in. */
const ACCEPTED: ReadonlySet<AlertKind> = new Set([
  'failures-then-success',
  'unregistered-geolocation',
  'impossible-travel',
  'outside-allowlist',
]);
/** The keys that another one may take the place of: of any other the holder is shut out, or was never let in. */
const IN_USE: ReadonlySet<VersionState> = new Set(['current', 'pending']);

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
 * Begins emergency rotations for the findings whose severity is configured to: a finding that names the key in use of a
 * managed credential, and that is told for the first time, has become graver, or was declined what may be granted by now.
 * A key that has a successor is not worth another one, nor is guessing that did not get in: else whoever holds an old key,
 * or knows the id of ours, could have it rotated as often as he likes. What was done stands in the alert for as long as
 * that is open. The changes are refused as stale, with the whole commit, where a credential has changed meanwhile: then
 * respond anew.
 */
export async function respond(
  context: EngineContext,
  { name, rules }: Pick<MonitorConfig, 'name' | 'rules'>,
  findings: readonly Finding[],
): Promise<Response> {
  const signals = findingsToSignals(findings, name);
  if (signals.length === 0 || Object.keys(rules.rotate).length === 0) return { signals, changes: [] };
  const open = await openAlerts(context, signals);
  const begun = new Map<string, Answer>();
  const told: Signal[] = [];
  for (const [index, signal] of signals.entries()) {
    const identity = identityOf(signal);
    if (signal.type === 'resolve') {
      open.delete(identity);
      told.push(signal);
      continue;
    }
    const before = open.get(identity);
    const { credential } = signal;
    const cause = credential === undefined ? null : causeOf(rules.rotate, findings[index], credential);
    let answer = before?.answer ?? null;
    if (cause !== null && isFresh(signal, before)) {
      answer = await answerTo(context, cause, begun.get(cause.credential));
      if (answer.rotation !== null) begun.set(cause.credential, answer);
    }
    open.set(identity, { severity: graver(signal.severity, before?.severity), answer });
    told.push(answer === null ? signal : withAnswer(signal, answer));
  }
  return { signals: told, changes: [...begun.values()].flatMap(({ changes }) => changes) };
}

/** Why a credential is to be rotated. */
type Cause = {
  readonly credential: string;
  readonly finding: Finding;
  /** The kind for which the finding rotates: its own, or that of another that it bears the alert for; null: guessing only. */
  readonly kind: AlertKind | null;
};

/** Null: the finding is only told. */
function causeOf(rotate: Rules['rotate'], finding: Finding | undefined, credential: string): Cause | null {
  if (finding === undefined) return null;
  const severities: Readonly<Partial<Record<AlertKind, readonly Severity[]>>> = rotate;
  const told = [finding, ...(finding.also ?? [])];
  const causes = told.filter(({ kind, severity }) => severities[kind]?.includes(severity));
  if (causes.length === 0) return null;
  const entered = gotIn(finding);
  const kind = causes.find((cause) => entered || cause.kind !== 'auth-failure-spike')?.kind ?? null;
  return { credential, finding, kind };
}

/** Whether the finding says that whoever failed was let in. */
function gotIn({ kind, evidence }: Finding): boolean {
  return ACCEPTED.has(kind) || (Array.isArray(evidence.gotIn) && evidence.gotIn.length > 0);
}

/** What kept an open alert from an answer, or its credential from a rotation, may be over; one that was begun stands. */
function isFresh({ severity }: Raise, before: Open | undefined): boolean {
  return (before?.answer?.rotation ?? null) === null || RANK[severity] > RANK[before?.severity ?? severity];
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

/** @param already what was begun for the credential in this very page */
async function answerTo(
  context: EngineContext,
  { credential, finding, kind }: Cause,
  already: Answer | undefined,
): Promise<Answer> {
  if (kind === null) return declined('all these logins were refused, and guessing alone changes no key');
  const now = timeOf(context, credential);
  let situation: Situation;
  try {
    situation = await situationOf(context, credential, { now });
  } catch (error) {
    if (!(error instanceof KeywardenError && error.code === 'unknown_credential')) throw error;
    return declined(`${credential} is configured no more`);
  }
  const shut = await notInUse(context, situation, finding.keyId);
  if (shut !== null) return declined(shut);
  if (already !== undefined) return already;
  const busy = underWay(situation);
  if (busy !== null) return declined(`${named(busy)} is under way (${busy.queued ? 'waiting' : busy.state})`);
  const past = await rotatedFor(context, credential, finding, now);
  if (past !== null) return declined(past);
  const request = { emergency: true, reason: kind, actor: ACTOR, requestKey: null };
  const admission = admit(situation, request, context.newId(), now);
  if (!admission.admitted) return declined(admission.reason);
  return begun(context, situation, admission.rotation, now);
}

/** Why another key would change nothing for whoever holds this one; null: it is the one in use. */
async function notInUse(
  { state }: EngineContext,
  { snapshot }: Situation,
  keyId: string | null,
): Promise<string | null> {
  const { name } = snapshot.record;
  if (keyId === null) return `no key is named, so it is not known whether that of ${name} is concerned`;
  const versions = snapshot.versions.filter((version) => version.keyId === keyId);
  if (versions.some(({ state: at }) => IN_USE.has(at))) return null;
  const version = versions.at(-1);
  if (version === undefined) return `${keyId} is no key of ${name} any more`;
  if (version.state === 'unused' || version.state === 'orphaned')
    return `${keyId} was never put to use, and ${name} has another key`;
  const by = (await state.supersededBy([version.id])).get(version.id);
  return `${keyId} was superseded already${by === undefined ? '' : ` by rotation ${by}`}`;
}

/** Why what was done before is enough; null: it is not. */
async function rotatedFor(
  context: EngineContext,
  credential: string,
  { lastEventAt }: Finding,
  now: number,
): Promise<string | null> {
  const last = await lastRequested(context, { credential });
  if (last !== null && lastEventAt <= last.at)
    return `${last.rotation} was begun at ${formatTime(last.at)}, and there was no such call since`;
  const own = await lastRequested(context, { credential, actor: ACTOR });
  if (own === null || Math.abs(now - own.at) >= AT_MOST_EACH) return null;
  return `${own.rotation} was begun at ${formatTime(own.at)}, and the watch begins one in 24 hours at most`;
}

function underWay({ snapshot: { open, queued } }: Situation): Rotation | null {
  return [queued, open].find((rotation) => rotation?.trigger === 'emergency') ?? null;
}

/** From the audit log: it outlives restarts, and the rotations too. */
async function lastRequested(
  { state }: EngineContext,
  by: { readonly credential: string; readonly actor?: string },
): Promise<{ readonly at: number; readonly rotation: string } | null> {
  const [entry] = (await state.audit({ ...by, action: REQUESTED, limit: 1 })).items;
  if (entry === undefined) return null;
  const { rotation, trigger } = entry.detail;
  return { at: entry.at, rotation: `${trigger === 'emergency' ? 'emergency ' : ''}rotation ${rotation}` };
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
