import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w[Symbol.asyncDispose]());

const rotate = (body: object = {}, headers: Record<string, string> = {}) =>
  call(w.api.address, '/v1/credentials/mine/rotate', { method: 'POST', token: 'operator', body, headers });
const rotation = (id: unknown) => call(w.api.address, `/v1/rotations/${id}`, { token: 'reader' });

/** The published file; empty while there is none. */
const published = () => readFile(join(w.directory, 'mine.env'), 'utf8').catch(() => '');

const reached = (answer: Answer, state: string) =>
  w.until(async () => (await rotation(answer.json.id)).json.state === state);

test('a rotation is answered with its place, and shows its steps and keys', async () => {
  const [first] = w.sandbox.frameflow.keys();
  const asked = await rotate({ reason: 'audit' });
  expect(asked.status).toBe(202);
  expect(asked.headers.location).toBe(`/v1/rotations/${asked.json.id}`);
  expect(asked.json).toMatchObject({ credential: 'mine', trigger: 'manual', reason: 'audit', actor: 'duty' });
  await reached(asked, 'overlap');
  const { json } = await rotation(asked.json.id);
  const second = w.sandbox.frameflow.keys().at(-1);
  expect(json).toMatchObject({ newKeyId: second?.id, previousKeyId: first?.id, lastError: null });
  expect((json.steps as object[]).map((step) => ({ ...step }))).toMatchObject([
    { name: 'mint', state: 'done', attempts: 1, error: null },
    { name: 'verify', state: 'done' },
    { name: 'publish', state: 'done', destination: `file:${join(w.directory, 'mine.env')}#KEY` },
    { name: 'overlap', state: 'running' },
    { name: 'retire', state: 'pending' },
  ]);
  expect(await published()).toContain(`KEY=${second?.value}`);
  const list = await call(w.api.address, '/v1/rotations?credential=mine', { token: 'reader' });
  expect(list.json).toMatchObject({ rotations: [{ id: asked.json.id }], nextCursor: null });
  const none = await call(w.api.address, '/v1/rotations?credential=other', { token: 'reader' });
  expect(none.json).toEqual({ rotations: [], nextCursor: null });
});

test('a second one gets 409 with the rotation in flight and its overlap’s end', async () => {
  const asked = await rotate();
  await reached(asked, 'overlap');
  const refused = await rotate();
  expect(refused.status).toBe(409);
  const { overlapEndsAt } = (await rotation(asked.json.id)).json;
  expect(refused.json).toMatchObject({
    type: 'urn:keywarden:problem:rotation-in-flight',
    rotation: asked.json.id,
    state: 'overlap',
    overlapEndsAt,
  });
  expect(String(overlapEndsAt)).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test('a dry run sends nothing and never gets 409: it says what it would wait for', async () => {
  const before = await rotate({ dryRun: true });
  expect(before.status).toBe(200);
  expect(before.json).toMatchObject({ credential: 'mine', trigger: 'manual', waitsFor: null });
  expect(w.sandbox.frameflow.keys()).toHaveLength(2);
  const asked = await rotate();
  await reached(asked, 'overlap');
  const during = await rotate({ dryRun: true });
  expect(during.status).toBe(200);
  expect(during.json.waitsFor).toContain(String(asked.json.id));
  const emergency = await rotate({ dryRun: true, emergency: true });
  expect(emergency.json).toMatchObject({ trigger: 'emergency', waitsFor: null });
});

test('one Idempotency-Key is one rotation, also when it is long under way', async () => {
  const headers = { 'idempotency-key': 'deploy-42' };
  const answers = await Promise.all([rotate({}, headers), rotate({}, headers), rotate({}, headers)]);
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
  const [first] = answers;
  if (first === undefined) throw new Error('no answer');
  await reached(first, 'overlap');
  const again = await rotate({}, headers);
  expect(again.status).toBe(202);
  expect(again.json).toMatchObject({ id: first.json.id, state: 'overlap' });
  expect((await rotate({}, { 'idempotency-key': 'deploy-43' })).status).toBe(409);
  expect(w.sandbox.frameflow.keys()).toHaveLength(3);
});

test.each([
  ['with blanks', 'a b'],
  ['too long', 'x'.repeat(129)],
])('an Idempotency-Key %s is refused', async (_what, key) => {
  const { status, json } = await rotate({}, { 'idempotency-key': key });
  expect(status).toBe(400);
  expect(json.detail).toBe('Idempotency-Key must be 1 to 128 visible ASCII characters');
});

test('adopting looks again; a key handed over is tested, and refused without being quoted', async () => {
  const adopt = (body: object) =>
    call(w.api.address, '/v1/credentials/mine/adopt', { method: 'POST', token: 'admin', body });
  expect((await adopt({})).json).toEqual({ name: 'mine', looking: true });
  const bad = `ff_live_${'x'.repeat(32)}`;
  const refused = await adopt({ value: bad });
  expect(refused.status).toBe(409);
  expect(refused.json).toMatchObject({ type: 'urn:keywarden:problem:key-refused' });
  expect(refused.text).not.toContain(bad);
  const second = w.sandbox.frameflow.keys()[1];
  const taken = await adopt({ value: second?.value });
  expect(taken.status).toBe(202);
  expect(taken.json).toMatchObject({ name: 'mine', version: { number: 2, keyId: second?.id } });
  await w.until(async () => (await published()).includes(String(second?.value)));
});

test('what was asked for stands in the audit log with the token’s name', async () => {
  await rotate({ reason: 'drill' });
  const { json } = await call(w.api.address, '/v1/audit?actor=duty&action=rotation.requested', {
    token: 'admin',
  });
  expect(json.entries).toMatchObject([
    { actor: 'duty', action: 'rotation.requested', credential: 'mine', detail: { reason: 'drill' } },
  ]);
});
