import type { Silence } from '../../model/index.ts';
import type { SilenceTable } from '../alert-tables.ts';
import { parseJson } from './json.ts';

export function silenceRow(silence: Silence): SilenceTable {
  return {
    id: silence.id,
    kind: JSON.stringify(silence.kind),
    credential: JSON.stringify(silence.credential),
    severity: JSON.stringify(silence.severity),
    created_at: silence.createdAt,
    ends_at: silence.endsAt,
    reason: silence.reason,
    author: silence.author,
  };
}

export function silenceFrom(row: SilenceTable): Silence {
  const about = `what silence ${row.id} is about`;
  return {
    id: row.id,
    kind: parseJson<Silence['kind']>(row.kind, about),
    credential: parseJson<Silence['credential']>(row.credential, about),
    severity: parseJson<Silence['severity']>(row.severity, about),
    createdAt: row.created_at,
    endsAt: row.ends_at,
    reason: row.reason,
    author: row.author,
  };
}
