import type { AuditReport } from '../../engine/audit-watch.ts';
import { brokenAt } from '../../engine/audit-words.ts';
import { formatTime, parseDuration } from '../../model/index.ts';
import type { AuditFault, AuditRecord } from '../../state/contract.ts';
import type { ApiContext } from '../context.ts';
import { PAGE, pageOf, REASON, text } from '../input.ts';
import { parseMoment } from '../moment.ts';
import { badRequest, Problem } from '../problem.ts';
import { callerOf, type Route } from '../router.ts';

const FILTERS = ['actor', 'credential', 'action'] as const;
const EXPECTED =
  'a time with its zone such as 2026-10-01T09:00:00Z, or a duration such as 30d, which counts back from now';
const TIME = { type: 'string', description: EXPECTED };
const ORDERS = ['newest', 'oldest'] as const;

export function auditRoutes({ engine }: ApiContext): Route[] {
  const { state, clock } = engine.context;
  return [
    {
      method: 'GET',
      path: '/v1/audit',
      summary: 'The audit log, newest first',
      query: {
        ...Object.fromEntries(FILTERS.map((name) => [name, { type: 'string' }])),
        since: TIME,
        until: TIME,
        order: { type: 'string', enum: ORDERS },
        ...PAGE,
      },
      roles: ['admin'],
      handle: async ({ query }) => {
        const filter = Object.fromEntries(
          FILTERS.flatMap((name) => (query.has(name) ? [[name, query.get(name) ?? '']] : [])),
        );
        const now = clock.now();
        const page = await state.audit({
          ...pageOf(query),
          ...filter,
          ...past(query, 'since', now),
          ...past(query, 'until', now),
          ...orderOf(query),
        });
        return { status: 200, body: { entries: page.items.map(entryView), nextCursor: page.nextCursor } };
      },
    },
    {
      method: 'POST',
      path: '/v1/audit/verify',
      summary: 'Compare the whole audit log with its chain of hashes; a break is an alert',
      roles: ['admin'],
      handle: async () => ({ status: 200, body: reportView(await engine.audit.verify()) }),
    },
    {
      method: 'POST',
      path: '/v1/audit/accept',
      summary: 'Take a broken audit log as it stands: chain it anew, say so in it, and end the alert',
      body: { reason: REASON },
      roles: ['admin'],
      handle: async (request) => {
        const reason = text(request.body, 'reason')?.trim() ?? '';
        if (reason === '') throw badRequest('reason is missing: it stands in the log for good');
        return {
          status: 200,
          body: reportView(await engine.audit.accept(callerOf(request).name, reason)),
        };
      },
    },
  ];
}

/** One entry of the audit log, as the API and `keywarden audit export` give it. */
export function entryView({ number, at, actor, action, credential, detail, hash }: AuditRecord) {
  return { number, at: formatTime(at), actor, action, credential, detail, hash };
}

/** What a look through the log found; `broken` lists the first breaks. @throws {Problem} 503 where it was cut short */
export function reportView(report: AuditReport | null) {
  if (report === null)
    throw new Problem(503, 'stopping', 'Keywarden stops; ask again when it is back', {
      headers: { 'retry-after': '5' },
    });
  const { entries, last, breaks, faults, wholeAt } = report;
  return {
    whole: breaks === 0,
    entries,
    last: last === null ? null : { number: last.number, at: timeOf(last.at), hash: last.hash },
    breaks,
    broken: faults.map(faultView),
    lastWholeAt: timeOf(wholeAt),
  };
}

function faultView(fault: AuditFault) {
  const { what, first, last, at, after } = fault;
  return {
    what,
    first,
    last,
    at: timeOf(at),
    after: after === null ? null : { number: after.number, at: formatTime(after.at) },
    problem: brokenAt(fault),
  };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : formatTime(at);
}

/** A time that is over, as a part of the query. @throws {Problem} 400 */
function past(
  query: URLSearchParams,
  name: 'since' | 'until',
  now: number,
): { readonly [name: string]: number } {
  const written = query.get(name);
  if (written === null) return {};
  const span = parseDuration(written);
  const at = span === null ? parseMoment(written, now) : now - span;
  if (at === null) throw badRequest(`${name} must be ${EXPECTED}`);
  return { [name]: at };
}

function orderOf(query: URLSearchParams): { readonly order?: 'oldest' } {
  const wanted = query.get('order') ?? 'newest';
  if (wanted === 'oldest') return { order: wanted };
  if (wanted === 'newest') return {};
  throw badRequest(`order must be one of ${ORDERS.join(', ')}`);
}
