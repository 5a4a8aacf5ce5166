import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Call, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const ask = (path: string, options?: Call) => call(w.api.address, path, { token: 'operator', ...options });
const post = (body: object) => ask('/v1/silences', { method: 'POST', body });
const told = () =>
  w.sandbox.slack.messages().filter((message) => JSON.stringify(message).includes('key_unheard'));

test('a silence is made, listed, keeps an alert quiet, and tells it where it is ended before its time', async () => {
  const made = await post({ kind: ['unknown-key'], until: '2h', reason: 'the partner tries keys' });
  expect(made.status).toBe(201);
  const silence = {
    kind: ['unknown-key'],
    credential: [],
    severity: [],
    reason: 'the partner tries keys',
    author: 'duty',
    holds: true,
  };
  expect(made.json).toMatchObject(silence);
  const list = await call(w.api.address, '/v1/silences', { token: 'reader' });
  expect(list.json).toMatchObject({ silences: [silence], nextCursor: null });

  w.sandbox.admin.playEvents([{ key_id: 'key_unheard', ip: '203.0.113.10' }]);
  await w.engine.pollLogs();
  const quiet = async () => (await ask('/v1/alerts')).json.alerts as Array<{ kind: string; deliveries: [] }>;
  await w.until(async () => (await quiet()).some(({ kind }) => kind === 'unknown-key'));
  expect((await quiet()).find(({ kind }) => kind === 'unknown-key')?.deliveries).toEqual([]);
  expect(told()).toEqual([]);

  const ended = await ask(`/v1/silences/${made.json.id}`, { method: 'DELETE' });
  expect(ended).toMatchObject({ status: 200, json: { id: made.json.id, holds: false } });
  await w.until(async () => told().length > 0);
  const audit = await call(w.api.address, '/v1/audit?action=silence.ended', { token: 'admin' });
  expect(audit.json.entries).toMatchObject([
    { actor: 'duty', detail: { silence: made.json.id, kind: 'unknown-key' } },
  ]);
});

test.each([
  [{ until: '2h', reason: 'x' }, /^say what is silenced: kind, credential or severity/],
  [{ kind: ['unknown-key'], reason: 'x' }, /^until is missing/],
  [{ kind: ['unknown-key'], until: '2h', reason: ' ' }, /^reason is missing/],
  [
    { kind: ['unknown-kee'], until: '2h', reason: 'x' },
    /^kind: "unknown-kee" is none; did you mean unknown-key/,
  ],
  [{ kind: ['unknown-key'], until: '31d', reason: 'x' }, /^a silence lasts for 30 ?d at most, now until/],
  [{ severity: 'info', until: '2h', reason: 'x' }, /^severity must be a list of texts/],
  [{ credential: ['mein'], until: '2h', reason: 'x' }, /^no credential is configured under the name "mein"/],
])('%j is refused in words', async (body, detail) => {
  const { status, json } = await post(body);
  expect([400, 404]).toContain(status);
  expect(json.detail).toMatch(detail);
});

test('a silence that nobody made is not found, and a reader makes none', async () => {
  const unknown = await ask('/v1/silences/none', { method: 'DELETE' });
  expect(unknown).toMatchObject({ status: 404, json: { detail: 'there is no silence none' } });
  const refused = await call(w.api.address, '/v1/silences', { method: 'POST', token: 'reader', body: {} });
  expect(refused.status).toBe(403);
});

test('the report of an incident is written, and once it is sent the provider’s time runs', async () => {
  const { json } = await ask('/v1/alerts');
  const { id } =
    (json.alerts as Array<{ id: string; kind: string }>).find(({ kind }) => kind === 'unknown-key') ?? {};
  const report = (body: object) => ask(`/v1/alerts/${id}/incident`, { method: 'POST', body });
  const written = await report({});
  expect(written).toMatchObject({ status: 200, json: { id, reportedAt: null, answerDueAt: null } });
  expect(written.json.report).toMatch(/^# Incident: .*key\\_unheard/);
  const { reportedAt, answerDueAt } = (await report({ sent: true })).json as Record<string, string>;
  expect(Date.parse(answerDueAt ?? '') - Date.parse(reportedAt ?? '')).toBe(4 * 3_600_000);
  expect((await report({ sent: true })).json).toMatchObject({ reportedAt });
  expect((await report({ answered: true })).json).toMatchObject({ reportedAt: null, answerDueAt: null });
  expect((await report({ sent: true, answered: true })).status).toBe(400);
});
