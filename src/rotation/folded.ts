import type { AuditEntry, Change, Rotation, Signal } from '../model/index.ts';

/** Where ids come from; handed in, so that a fold stays pure. */
export type Ids = () => string;

/** What an outcome makes of the state and of the alerts: one commit. */
export type Folded = {
  readonly changes: readonly Change[];
  readonly signals: readonly Signal[];
};

export function folded(changes: readonly Change[], signals: readonly Signal[] = []): Folded {
  return { changes, signals };
}

export function putRotation(rotation: Rotation): Change {
  return { type: 'rotation.put', rotation };
}

export function audit(
  at: number,
  actor: string,
  action: string,
  credential: string,
  detail: AuditEntry['detail'] = {},
): Change {
  return { type: 'audit.append', entry: { at, actor, action, credential, detail } };
}
