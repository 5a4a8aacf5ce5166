import type { PageQuery } from './auth-log.ts';

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** ms of an RFC 3339 date-time; null where it is none. */
export function parseTime(text: string): number | null {
  const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** The query of GET /v1/auth/logs, or the name of the parameter that is wrong. */
export function parseLogQuery(query: URLSearchParams): PageQuery | 'limit' | 'since' {
  const limit = query.get('limit') ?? '100';
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > 1000) return 'limit';
  const since = query.get('since');
  const sinceMs = since === null ? null : parseTime(since);
  if (since !== null && sinceMs === null) return 'since';
  return { cursor: query.get('cursor'), since: sinceMs, limit: Number(limit) };
}
