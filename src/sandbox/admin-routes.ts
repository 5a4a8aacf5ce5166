import { isIP } from 'node:net';
import { z } from 'zod';
import type { Admin } from './admin.ts';
import { faultRule } from './faults.ts';
import { foreignMint } from './foreign-mint.ts';
import { type Call, type Handler, json, objectIn, type Reply } from './http.ts';
import { Networks } from './networks.ts';
import { playedEvent } from './play.ts';
import { settingsChange } from './settings.ts';

const events = z.union([
  z.strictObject({ events: z.array(playedEvent).min(1) }),
  z.strictObject({ repeat: z.int().min(1) }),
]);

const stockflowKey = z.strictObject({
  kind: z.enum(['live', 'test']).optional(),
  permissions: z.array(z.enum(['read_media', 'upload_asset', 'manage_collections'])).optional(),
  createdAt: z.int().optional(),
});

const LOOPBACK = new Networks(['127.0.0.0/8', '::1/128']);

type Route = {
  readonly method: string;
  readonly path: RegExp;
  readonly handle: (body: unknown, id: string) => Reply;
};

/**
 * The admin routes. They ask for no token: they listen on loopback only and turn away what a browser's page sends
 * (an Origin, or a Host that merely resolves to loopback).
 */
export function adminRoutes(admin: Admin): Handler {
  const table = routes(admin);
  return (call) => {
    if (!local(call))
      return problem(403, 'forbidden', 'Only for callers on this machine that are no web page.');
    const body = call.body.length === 0 ? {} : objectIn(call.body);
    if (body === null || call.tooLarge) return problem(400, 'invalid_body', 'The body is no JSON object.');
    for (const { method, path, handle } of table) {
      const match = path.exec(call.path);
      if (match !== null && method === call.method) return attempt(() => handle(body, match[1] ?? ''));
    }
    return problem(404, 'not_found', `There is no ${call.method} ${call.path}.`);
  };
}

function routes(admin: Admin): Route[] {
  return [
    {
      method: 'POST',
      path: /^\/faults$/,
      handle: (body) => {
        faultRule.parse(body);
        return json(201, { id: admin.setFault(body as z.input<typeof faultRule>) });
      },
    },
    {
      method: 'DELETE',
      path: /^\/faults$/,
      handle: () => {
        admin.clearFaults();
        return json(200, {});
      },
    },
    {
      method: 'POST',
      path: /^\/events$/,
      handle: (body) => {
        events.parse(body);
        const wanted = body as z.input<typeof events>;
        if ('repeat' in wanted) return json(201, { played: admin.repeatEvents(wanted.repeat) });
        admin.playEvents(wanted.events);
        return json(201, { played: wanted.events.length });
      },
    },
    {
      method: 'POST',
      path: /^\/keys\/([^/]+)\/foreign-mint$/,
      handle: (body, id) => {
        foreignMint.parse(body);
        const minted = admin.foreignMint(id, body as z.input<typeof foreignMint>);
        return minted === null ? found(false, `key ${id}`) : json(201, minted);
      },
    },
    {
      method: 'POST',
      path: /^\/stockflow\/keys$/,
      handle: (body) => json(201, admin.createStockflowKey(stockflowKey.parse(body))),
    },
    {
      method: 'POST',
      path: /^\/settings$/,
      handle: (body) => {
        admin.changeSettings(settingsChange.parse(body));
        return json(200, {});
      },
    },
    ...endings(admin),
    { method: 'GET', path: /^\/state$/, handle: () => json(200, admin.state()) },
  ];
}

/** What people end by hand: keys in a console, a grant on their account's page. */
function endings(admin: Admin): Route[] {
  return [
    {
      method: 'POST',
      path: /^\/keys\/([^/]+)\/revoke$/,
      handle: (_, id) => found(admin.revokeKey(id), `key ${id}`),
    },
    {
      method: 'POST',
      path: /^\/grants\/([^/]+)\/revoke$/,
      handle: (_, id) => found(admin.revokeGrant(id), `grant ${id}`),
    },
    {
      method: 'POST',
      path: /^\/grants\/([^/]+)\/end-access$/,
      handle: (_, id) => found(admin.endAccessTokens(id), `grant ${id}`),
    },
    {
      method: 'POST',
      path: /^\/stockflow\/keys\/([^/]+)\/revoke$/,
      handle: (_, id) => found(admin.revokeStockflowKey(id), `key ${id}`),
    },
  ];
}

function attempt(handle: () => Reply): Reply {
  try {
    return handle();
  } catch (error) {
    if (error instanceof z.ZodError) return problem(400, 'invalid_request', z.prettifyError(error));
    if (error instanceof RangeError) return problem(400, 'invalid_request', error.message);
    throw error;
  }
}

function local(call: Call): boolean {
  const name = URL.parse(`http://${call.headers.host ?? ''}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  const loopback = name === 'localhost' || (isIP(name) !== 0 && LOOPBACK.has(name));
  return loopback && call.headers.origin === undefined;
}

function found(there: boolean, what: string): Reply {
  return there ? json(200, {}) : problem(404, 'not_found', `There is no ${what}.`);
}

function problem(status: number, code: string, message: string): Reply {
  return json(status, { error: { code, message } });
}
