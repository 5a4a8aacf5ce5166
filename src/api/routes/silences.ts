import { ALERT_KINDS, KeywardenError } from '../../model/index.ts';
import { nearest } from '../../model/nearest.ts';
import type { ApiContext } from '../context.ts';
import { future, known, MOMENT, PAGE, pageOf, REASON, text } from '../input.ts';
import { badRequest, notFound } from '../problem.ts';
import { callerOf, type Route } from '../router.ts';
import { silenceView } from '../views.ts';

const SEVERITIES = ['critical', 'warning', 'info'] as const;

const BODY = {
  kind: { type: 'array', items: { type: 'string', enum: ALERT_KINDS } },
  credential: { type: 'array', items: { type: 'string' } },
  severity: { type: 'array', items: { type: 'string', enum: SEVERITIES } },
  until: MOMENT,
  reason: REASON,
};

export function silenceRoutes({ engine, commands }: ApiContext): Route[] {
  const { state, clock, config } = engine.context;
  const names = [...Object.keys(config.credentials), ...Object.keys(config.oauthClients)];
  return [
    {
      method: 'GET',
      path: '/v1/silences',
      summary: 'Silences, newest first, those that ended in the last 30 days too',
      query: PAGE,
      roles: ['reader'],
      handle: async ({ query }) => {
        const page = await state.allSilences(pageOf(query));
        const silences = page.items.map((silence) => silenceView(silence, clock.now()));
        return { status: 200, body: { silences, nextCursor: page.nextCursor } };
      },
    },
    {
      method: 'POST',
      path: '/v1/silences',
      summary: 'Tell nobody of such alerts for a time',
      body: BODY,
      roles: ['operator'],
      handle: async (request) => {
        const { body } = request;
        const kind = listed(body, 'kind', ALERT_KINDS);
        const severity = listed(body, 'severity', SEVERITIES);
        const credential = texts(body, 'credential').map((name) => known('credential', name, names));
        if (kind.length + severity.length + credential.length === 0)
          throw badRequest('say what is silenced: kind, credential or severity');
        const endsAt = future(body, 'until', clock.now());
        const reason = text(body, 'reason')?.trim() ?? '';
        if (endsAt === null) throw badRequest('until is missing: a silence has an end');
        if (reason === '') throw badRequest('reason is missing: whoever misses an alert must learn why');
        const asked = { kind, severity, credential, endsAt, reason };
        try {
          const silence = await commands.silence(asked, callerOf(request).name);
          return { status: 201, body: silenceView(silence, clock.now()) };
        } catch (error) {
          if (error instanceof KeywardenError && error.code === 'silence_too_long')
            throw badRequest(error.message);
          throw error;
        }
      },
    },
    {
      method: 'DELETE',
      path: '/v1/silences/:id',
      summary: 'End a silence; what it kept quiet and still holds is told',
      roles: ['operator'],
      handle: async (request) => {
        try {
          const silence = await commands.unsilence(request.params.id ?? '', callerOf(request).name);
          return { status: 200, body: silenceView(silence, clock.now()) };
        } catch (error) {
          if (error instanceof KeywardenError && error.code === 'unknown_silence')
            throw notFound(error.message);
          throw error;
        }
      },
    },
  ];
}

/** A list of texts; empty where it is absent. @throws {Problem} 400 */
function texts(body: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = body[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return [...new Set(value)];
  throw badRequest(`${name} must be a list of texts`);
}

function listed<T extends string>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  allowed: readonly T[],
): readonly T[] {
  return texts(body, name).map((item) => {
    const found = allowed.find((one) => one === item);
    if (found !== undefined) return found;
    const near = nearest(item, allowed);
    const shown = JSON.stringify(item.slice(0, 60));
    throw badRequest(`${name}: ${shown} is none${near ? `; did you mean ${near}?` : ''}`);
  });
}
