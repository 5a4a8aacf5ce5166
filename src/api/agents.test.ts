import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from './testing/call.ts';
import { type TokenName, type World, world } from './testing/world.ts';

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w[Symbol.asyncDispose]());

const get = async (path: string) => (await call(w.api.address, `/v1/${path}`, { token: 'reader' })).json;
const report = (versions: unknown, { agent = 'checkout-1', token = 'app' as TokenName } = {}) =>
  call(w.api.address, `/v1/agents/${agent}`, { method: 'PUT', token, body: { versions } });
const agents = async () => {
  const { destinations } = (await get('credentials/mine')) as { destinations: { destination: string }[] };
  return destinations.filter(({ destination }) => destination.startsWith('agent:'));
};

test('an agent that says what it holds is shown as a destination, and a rotation waits for it', async () => {
  expect(await agents()).toEqual([]);
  expect(await report({ mine: 1 })).toMatchObject({
    status: 200,
    json: { name: 'checkout-1', versions: { mine: 1 } },
  });
  expect(await agents()).toMatchObject([
    { destination: 'agent:checkout-1', state: 'published', version: 1, required: false },
  ]);
  const asked = await call(w.api.address, '/v1/credentials/mine/rotate', {
    method: 'POST',
    token: 'operator',
    body: { reason: 'drill' },
  });
  const stepsDone = async () => {
    const { steps } = (await get(`rotations/${asked.json.id}`)) as {
      steps: { name: string; destination: string; state: string }[];
    };
    return steps.filter(({ name, state }) => name === 'publish' && state === 'done').length;
  };
  await w.until(async () => (await stepsDone()) === 1);
  expect(await get(`rotations/${asked.json.id}`)).toMatchObject({ state: 'publishing' });
  await report({ mine: 2 });
  await w.until(async () => (await get(`rotations/${asked.json.id}`)).state === 'overlap');
  expect(await stepsDone()).toBe(2);
});

test.each([
  [{ versions: { other: 1 } }, 403, /may not read other/],
  [{ versions: { mine: 0 } }, 400, /^versions\.mine must be a version's number/],
  [{ versions: { mine: '1' } }, 400, /^versions\.mine must be/],
  [{ versions: [1] }, 400, /^versions must be an object/],
  [{ versions: { mine: 1 }, agent: 'Check out' }, 400, /^an agent's name is/],
  [{ versions: { mine: 1 }, token: 'reader' as const }, 403, /needs app/],
])('%j is refused with %i', async ({ versions, ...rest }, status, detail) => {
  const agent = 'agent' in rest ? encodeURIComponent(rest.agent) : 'checkout-1';
  const answer = await report(versions, { agent, token: 'token' in rest ? rest.token : 'app' });
  expect(answer.status).toBe(status);
  expect(answer.json.detail).toMatch(detail);
  expect(await agents()).toEqual([]);
});

test('what is refused of a report keeps the rest from nothing', async () => {
  const answer = await report({ mine: 1, other: 1 });
  expect(answer).toMatchObject({
    status: 200,
    json: { versions: { mine: 1 }, refused: { other: expect.stringContaining('may not read other') } },
  });
  expect(await agents()).toMatchObject([{ destination: 'agent:checkout-1', state: 'published' }]);
});

test('an agent that ends holds nothing any more', async () => {
  await report({ mine: 1 });
  expect((await report({ mine: null })).status).toBe(200);
  expect(await agents()).toEqual([]);
});
