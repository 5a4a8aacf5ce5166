import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { call } from './testing/call.ts';
import { type TokenName, type World, world } from './testing/world.ts';

/** `by-hand` is a credential whose keys a person makes. */
let w: World;
beforeEach(async () => {
  w = await world({ guided: true });
});
afterEach(() => w[Symbol.asyncDispose]());

const ask = (path: string, token: TokenName = 'admin') => call(w.api.address, `/v1/${path}`, { token });
const post = (path: string, body: object = {}) =>
  call(w.api.address, `/v1/${path}`, { method: 'POST', token: 'admin', body });
const published = () => readFile(join(w.directory, 'by-hand.env'), 'utf8').catch(() => '');

/** Hands over a fresh key, and waits until it is everywhere; its value. */
async function imported(): Promise<string> {
  const { value } = w.sandbox.admin.createStockflowKey();
  expect((await post('credentials/by-hand/import', { value })).status).toBe(202);
  await w.until(async () => (await published()).includes(value));
  return value;
}

test('nobody but a person rotates a guided credential: the refusal says how', async () => {
  for (const emergency of [false, true]) {
    const refused = await post('credentials/by-hand/rotate', { emergency });
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({ type: 'urn:keywarden:problem:guided' });
    expect(refused.json.detail).toContain('keywarden import by-hand');
  }
  const planned = await post('credentials/by-hand/rotate', { dryRun: true });
  expect(planned.status).toBe(200);
  expect(planned.json.waitsFor).toContain('keywarden import by-hand');
  expect((await ask('credentials/by-hand')).json).toMatchObject({ mode: 'guided', kind: 'stockflow' });
  expect((await ask('credentials/mine')).json).toMatchObject({ mode: 'automatic' });
});

test('a key made by hand is tested, taken and published; the old one stays until a person retires it', async () => {
  const value = await imported();
  const { versions } = (await ask('credentials/by-hand')).json as { versions: object[] };
  expect(versions).toMatchObject([
    { number: 2, state: 'current', origin: 'imported', acceptedAt: expect.any(String) },
    { number: 1, state: 'retiring' },
  ]);
  expect((await ask('credentials/by-hand/secret')).json).toMatchObject({ value });
  const retired = await post('credentials/by-hand/versions/1/retire');
  expect(retired).toMatchObject({
    status: 202,
    json: { name: 'by-hand', version: { number: 1, state: 'retired' } },
  });
  expect((await ask('audit?credential=by-hand')).text).toContain('"actor":"ops"');
});

test('a version is retired by its id too; an unknown one and the current one are not', async () => {
  await imported();
  const { versions } = (await ask('credentials/by-hand')).json as { versions: Array<{ id: string }> };
  expect((await post('credentials/by-hand/versions/7/retire')).status).toBe(404);
  expect((await post('credentials/by-hand/versions/none/retire')).status).toBe(404);
  expect((await post(`credentials/by-hand/versions/${versions[0]?.id}/retire`)).status).toBe(409);
  expect((await post(`credentials/by-hand/versions/${versions[1]?.id}/retire`)).status).toBe(202);
});

test('a key that the provider refuses, a test key for a live one and no key at all are not taken', async () => {
  const unknown = `sk_live_${'x'.repeat(24)}`;
  const { value: other } = w.sandbox.admin.createStockflowKey({ kind: 'test' });
  for (const value of [unknown, other]) {
    const refused = await post('credentials/by-hand/import', { value });
    expect(refused.status).toBe(409);
    expect(refused.text).not.toContain(value);
  }
  for (const body of [{}, { value: '' }, { value: null }]) {
    const { status, json } = await post('credentials/by-hand/import', body);
    expect(status).toBe(400);
    expect(json.detail).toBe('value must be the key that was made by hand');
  }
});

/** What the state holds of a credential that the configuration named once. */
async function park(): Promise<string> {
  const value = `ff_live_${'p'.repeat(32)}`;
  const { state, clock } = w.engine.context;
  const [mine] = (await state.credentials()).filter(({ record }) => record.name === 'mine');
  const version = mine?.versions[0];
  if (mine === undefined || version === undefined) throw new Error('mine has no version');
  await state.commit([
    { type: 'credential.put', record: { ...mine.record, name: 'old', firstSeenAt: clock.now() } },
    {
      type: 'version.put',
      version: { ...version, id: randomUUID(), credential: 'old', keyId: 'key_old', fingerprint: 'fp-old' },
      value: Secret.from(value),
    },
  ]);
  return value;
}

test('what is no longer configured is parked: shown, kept, and of no use', async () => {
  const value = await park();
  const { credentials } = (await ask('credentials')).json as {
    credentials: Array<{ name: string; state: string }>;
  };
  expect(credentials.map(({ name, state }) => [name, state])).toEqual([
    ['by-hand', 'managed'],
    ['mine', 'managed'],
    ['old', 'parked'],
    ['other', 'managed'],
  ]);
  const one = await ask('credentials/old', 'reader');
  expect(one.json).toMatchObject({
    state: 'parked',
    mode: null,
    versions: [{ keyId: 'key_old' }],
    nextRotationAt: null,
    waysOut: ['keywarden forget old'],
  });
  expect(one.text).not.toContain(value);
  expect((await ask('rotations?credential=old')).json).toEqual({ rotations: [], nextCursor: null });
  expect((await call(w.api.address, '/metrics', { token: 'reader' })).status).toBe(200);
  for (const answer of [await ask('credentials/old/secret'), await post('credentials/old/rotate')]) {
    expect(answer.status).toBe(404);
    expect(answer.json.detail).toBe(
      'old is parked: it is no longer configured. Put it back into the configuration, or purge it with `keywarden forget old`',
    );
  }
});

test('a parked credential is purged on request; a configured or unknown one is not', async () => {
  await park();
  const configured = await post('credentials/mine/forget');
  expect(configured).toMatchObject({
    status: 409,
    json: { type: 'urn:keywarden:problem:still-configured' },
  });
  expect((await post('credentials/nobody/forget')).status).toBe(404);
  expect(await post('credentials/old/forget')).toMatchObject({
    status: 202,
    json: { name: 'old', forgotten: true },
  });
  expect((await ask('credentials/old')).status).toBe(404);
  expect((await ask('credentials')).text).not.toContain('old');
  expect((await post('credentials/old/forget')).status).toBe(404);
  expect((await ask('credentials/mine/secret')).status).toBe(200);
});
