import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, call } from './testing/call.ts';
import { type TokenName, type World, world } from './testing/world.ts';

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w[Symbol.asyncDispose]());

const get = async (path: string) => (await call(w.api.address, `/v1/${path}`, { token: 'reader' })).json;
const post = (path: string, body: object = {}, token: TokenName = 'admin') =>
  call(w.api.address, `/v1/${path}`, { method: 'POST', token, body });

/** The published file; empty while there is none. */
const published = () => readFile(join(w.directory, 'mine.env'), 'utf8').catch(() => '');

/** Rotates `mine` into its overlap, which takes the key named first to the one named last. */
async function overlapped(): Promise<Answer> {
  const asked = await post('credentials/mine/rotate', { reason: 'drill' }, 'operator');
  await w.until(async () => (await get(`rotations/${asked.json.id}`)).state === 'overlap');
  return asked;
}

test('a pause has its end, its reason and who asked, and is over once it is resumed', async () => {
  const paused = await post('credentials/mine/pause', { until: '12h', reason: 'freeze' }, 'operator');
  expect(paused.status).toBe(202);
  const { pause } = paused.json as { pause: { until: string; since: string } };
  expect(pause).toMatchObject({ reason: 'freeze', actor: 'duty' });
  expect(Date.parse(pause.until) - Date.parse(pause.since)).toBeCloseTo(12 * 3_600_000, -4);
  expect(await get('credentials/mine')).toMatchObject({ pause });
  const exact = await post('credentials/mine/pause', { until: '2099-10-01 09:00:00Z' });
  expect(exact.json).toMatchObject({ name: 'mine', pause: { until: '2099-10-01T09:00:00Z', reason: null } });
  expect((await post('credentials/mine/pause')).json).toMatchObject({ pause: { until: null } });
  const resumed = await post('credentials/mine/resume', {}, 'operator');
  expect(resumed).toMatchObject({ status: 202, json: { name: 'mine', pause: null } });
  expect(await get('credentials/mine')).toMatchObject({ pause: null });
});

test.each([
  [{ until: 'soon' }, /^until must be a duration such as 12h, or a time with its zone such as /],
  [{ until: '2026-10-01' }, /^until must be a duration/],
  [{ until: '2020-01-01T00:00:00Z' }, /^until must lie in the future; it is \d{4}-\d\d-\d\dT/],
  [{ until: '0s' }, /^until must lie in the future/],
  [{ until: 12 }, /^until must be text/],
  [{ untill: '1h' }, /^unknown member "untill"; did you mean until\?$/],
])('pause and rollback refuse %j in words', async (body, detail) => {
  for (const command of ['pause', 'rollback']) {
    const { status, json } = await post(`credentials/mine/${command}`, body);
    expect(status).toBe(400);
    expect(json.detail).toMatch(detail);
  }
});

test('a version that is published again has another ETag, for its number is another', async () => {
  const secret = (etag?: string) =>
    call(w.api.address, '/v1/credentials/mine/secret', {
      token: 'app',
      ...(etag === undefined ? {} : { headers: { 'if-none-match': etag } }),
    });
  const first = await secret();
  await overlapped();
  expect((await post('credentials/mine/rollback', { until: '1h' }, 'operator')).status).toBe(202);
  expect(await secret(first.headers.etag)).toMatchObject({
    status: 200,
    json: { id: first.json.id, value: first.json.value, version: 3 },
  });
});

test('a rollback publishes the previous key again until its end; without an overlap it is refused', async () => {
  const refused = await post('credentials/mine/rollback', {}, 'operator');
  expect(refused.status).toBe(409);
  const [first] = w.sandbox.frameflow.keys();
  const asked = await overlapped();
  expect(await published()).not.toContain(first?.value);
  const rolled = await post('credentials/mine/rollback', { until: '1h', reason: 'app down' }, 'operator');
  expect(rolled.status).toBe(202);
  expect(rolled.headers.location).toBe(`/v1/rotations/${asked.json.id}`);
  expect(rolled.json).toMatchObject({ id: asked.json.id, rollback: { until: expect.any(String) } });
  await w.until(async () => (await published()).includes(String(first?.value)));
  expect(await get('credentials/mine')).toMatchObject({ rotation: { rollback: rolled.json.rollback } });
});

test('a compromised key is marked and replaced at once', async () => {
  const [first] = w.sandbox.frameflow.keys();
  const told = await post('credentials/mine/compromise', { keyId: first?.id, reason: 'in a repository' });
  expect(told.status).toBe(202);
  expect(told.json).toMatchObject({
    name: 'mine',
    version: { keyId: first?.id, compromisedAt: expect.any(String) },
    rotation: { trigger: 'emergency', reason: 'in a repository', actor: 'ops' },
  });
  await w.until(async () => !['', first?.value].includes(/KEY=(\S+)/.exec(await published())?.[1] ?? ''));
  const { versions } = (await get('credentials/mine')) as { versions: Array<Record<string, unknown>> };
  expect(versions.find(({ keyId }) => keyId === first?.id)?.compromisedAt).toEqual(expect.any(String));
  expect(versions.find(({ state }) => state === 'current')?.compromisedAt).toBe(null);
  const unknown = await post('credentials/mine/compromise', { keyId: 'key_none' });
  expect(unknown).toMatchObject({ status: 404, json: { type: 'urn:keywarden:problem:not-found' } });
});

test('a way out that does not fit is refused; an unknown rotation is a 404', async () => {
  const asked = await overlapped();
  const refused = await post(`rotations/${asked.json.id}/abandon`, {}, 'operator');
  expect(refused).toMatchObject({ status: 409, json: { type: 'urn:keywarden:problem:not-possible' } });
  expect(refused.json.detail).toContain('keywarden rollback mine');
  for (const way of ['retry', 'abandon']) {
    const { status, json } = await post(`rotations/none/${way}`, {}, 'operator');
    expect(status).toBe(404);
    expect(json.detail).toContain('none');
  }
});

test('a rotation that cannot begin names its way out, and is abandoned by it', async () => {
  const place = join(w.directory, 'mine.env');
  await w.until(async () => (await published()) !== '');
  await rm(place);
  await mkdir(place);
  const asked = await post('credentials/mine/rotate', {}, 'operator');
  const path = `rotations/${asked.json.id}`;
  await w.until(async () => (await get(path)).lastError !== null);
  const ways = [`keywarden rotation ${asked.json.id} abandon`];
  expect(await get(path)).toMatchObject({ state: 'minting', waysOut: ways, rollback: null });
  expect(await get('credentials/mine')).toMatchObject({ waysOut: ways });
  const abandoned = await post(`${path}/abandon`, {}, 'operator');
  expect(abandoned).toMatchObject({ status: 202, json: { state: 'abandoned', waysOut: [] } });
  expect(await get('credentials/mine')).toMatchObject({ rotation: null, waysOut: [] });
  expect((await post(`${path}/abandon`, {}, 'operator')).status).toBe(409);
  expect(w.sandbox.frameflow.keys()).toHaveLength(2);
});

test('a failed rotation is tried again at once', async () => {
  const path = '/v1/auth/rotate';
  w.sandbox.admin.setFault({ service: 'frameflow', path, times: 0, fault: { kind: 'status', status: 400 } });
  const asked = await post('credentials/mine/rotate', {}, 'operator');
  const failed = async () =>
    ['failed', 'attention'].includes(String((await get(`rotations/${asked.json.id}`)).state));
  await w.until(failed);
  w.sandbox.admin.clearFaults();
  expect((await post(`rotations/${asked.json.id}/retry`, {}, 'operator')).status).toBe(202);
  await w.until(async () => {
    const { rotation } = (await get('credentials/mine')) as { rotation: { state: string } | null };
    return rotation?.state === 'overlap';
  });
});
