import type { AlertKind, Evidence, Failure, Raise, Resolve, Severity } from '../model/index.ts';

/** The alerts that one credential's lifecycle can raise, and how each is told. */
export type Telling = {
  readonly severity: Severity;
  readonly title: string;
  readonly summary: string;
  readonly action: string | null;
  readonly deadline?: number | null;
  readonly evidence?: Evidence;
  readonly condition?: string;
  readonly transient?: boolean;
};

export function raise(kind: AlertKind, credential: string, at: number, telling: Telling): Raise {
  return {
    type: 'raise',
    kind,
    credential,
    at,
    condition: telling.condition ?? '',
    severity: telling.severity,
    title: telling.title,
    summary: telling.summary,
    action: telling.action,
    deadline: telling.deadline ?? null,
    evidence: telling.evidence ?? {},
    ...(telling.transient === true ? { transient: true } : {}),
  };
}

export function resolve(kind: AlertKind, credential: string, at: number, condition = ''): Resolve {
  return { type: 'resolve', kind, credential, at, condition };
}

/** A failure as evidence. */
export function failureEvidence(failure: Failure): Evidence {
  return { code: failure.code, verdict: failure.verdict, error: failure.message };
}
