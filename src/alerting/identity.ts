import type { Alert, AlertSubject, Signal } from '../model/index.ts';

/** The subject's fields and nothing else. */
export function subjectOf(about: AlertSubject): AlertSubject {
  return {
    ...(about.credential === undefined ? {} : { credential: about.credential }),
    ...(about.monitor === undefined ? {} : { monitor: about.monitor }),
    ...(about.channel === undefined ? {} : { channel: about.channel }),
  };
}

/**
 * What the alert is kept under. A finding of the log watch names the credential it concerns beside its monitor; the
 * monitor decides, since which credential a key belongs to may be learnt only between the raise and its resolve.
 */
function subjectName(about: AlertSubject): string {
  if (about.monitor !== undefined) return `monitor:${about.monitor}`;
  if (about.credential !== undefined) return `credential:${about.credential}`;
  return about.channel === undefined ? 'keywarden' : `channel:${about.channel}`;
}

/**
 * Kind, subject and condition in one string: the identity under which the next raise finds this alert.
 *
 * @example identityOf(signal) // '["publish-failed","credential:frameflow-prod","vault:footage/frameflow#api_key"]'
 */
export function identityOf(signal: Pick<Signal, 'kind' | 'condition'> & AlertSubject): string {
  return JSON.stringify([signal.kind, subjectName(signal), signal.condition]);
}

/** An alert keeps its condition within its identity alone; null where that is not of the form known today. */
export function conditionOf(alert: Pick<Alert, 'identity' | 'kind'> & AlertSubject): string | null {
  let parts: unknown;
  try {
    parts = JSON.parse(alert.identity);
  } catch {
    return null;
  }
  const condition: unknown = Array.isArray(parts) ? parts[2] : null;
  if (typeof condition !== 'string') return null;
  return identityOf({ ...subjectOf(alert), kind: alert.kind, condition }) === alert.identity
    ? condition
    : null;
}

/** What a dedup key is made of beside the signal. */
export type DedupScope = {
  /** `installation.name` and `installation.environment`. */
  readonly installation: string;
  readonly environment: string;
  readonly digest: (...parts: readonly string[]) => string;
};

/** PagerDuty takes 255 characters; a SHA-256 in hexadecimal has 64. */
const PREFIX = 255 - 1 - 64;

/**
 * The key by which channels fold repeats: the same for as long as the condition lasts, over restarts and replicas,
 * and another one when it comes back after its end, or gets worse where somebody may have taken it on. At most 255 characters.
 *
 * @example dedupKey(signal, 1, scope) // 'publish-failed:frameflow-prod:9f86d0…'
 */
export function dedupKey(
  signal: Pick<Signal, 'kind' | 'condition'> & AlertSubject,
  generation: number,
  scope: DedupScope,
): string {
  const { installation, environment, digest } = scope;
  const subject = subjectName(signal);
  const hash = digest(installation, environment, subject, signal.kind, signal.condition, String(generation));
  const readable = `${signal.kind}:${subject.slice(subject.indexOf(':') + 1)}`;
  return `${readable.replace(/[^A-Za-z0-9._:-]/g, '-').slice(0, PREFIX)}:${hash}`;
}
