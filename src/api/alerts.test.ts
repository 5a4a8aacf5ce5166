import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Call, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const ask = (path: string, options?: Call) => call(w.api.address, path, { token: 'operator', ...options });

test('the channels are listed by name', async () => {
  expect((await ask('/v1/channels')).json).toEqual({
    channels: [
      { name: 'oncall', kind: 'pagerduty' },
      { name: 'team', kind: 'slack' },
    ],
    nextCursor: null,
  });
});

test('a test message goes the whole way, and the answer is the channel’s', async () => {
  const { status, json } = await ask('/v1/channels/team/test', { method: 'POST' });
  expect(status).toBe(200);
  expect(json).toMatchObject({ channel: 'team', state: 'delivered', attempts: 1, lastError: null });
  await w.sandbox.slack.waitFor((message) => JSON.stringify(message).includes('Test of the channel team'));
});

test('a channel that does not take it is told with its reason', async () => {
  w.sandbox.admin.setFault({ service: 'slack', fault: { kind: 'status', status: 503 } });
  const { status, json } = await ask('/v1/channels/team/test', { method: 'POST' });
  expect(status).toBe(200);
  expect(json.state).toBe('pending');
  expect(json.lastError).toMatchObject({ verdict: 'retryable' });
});

test('an alert is listed, read, and taken on under the token’s name', async () => {
  w.sandbox.admin.playEvents(
    Array.from({ length: 40 }, () => ({
      status: 401,
      ip: '198.51.100.7',
      key_id: w.sandbox.frameflow.firstKey.id,
    })),
  );
  await w.engine.pollLogs();
  const spike = async () => {
    const { json } = await ask('/v1/alerts?state=open');
    return (json.alerts as Array<{ id: string; kind: string }>).find(
      ({ kind }) => kind === 'auth-failure-spike',
    );
  };
  await w.until(async () => (await spike()) !== undefined);
  const { id = '' } = (await spike()) ?? {};
  const one = await ask(`/v1/alerts/${id}`);
  expect(one.json).toMatchObject({ id, state: 'triggered', severity: 'critical', monitor: 'log' });
  expect(one.json.evidence).toMatchObject({ ips: ['198.51.100.7'] });
  const taken = await ask(`/v1/alerts/${id}/acknowledge`, { method: 'POST' });
  expect(taken.status).toBe(200);
  expect(taken.json).toMatchObject({ id, state: 'acknowledged', acknowledgedBy: 'duty' });
  const unknown = await ask('/v1/alerts/none/acknowledge', { method: 'POST' });
  expect(unknown.json).toMatchObject({ status: 404, detail: 'there is no alert none' });
});

test('lists go on where the page ended', async () => {
  const { json } = await ask('/v1/alerts?limit=1');
  expect(json.alerts).toHaveLength(1);
  const next = await ask(`/v1/alerts?limit=1&cursor=${json.nextCursor}`);
  expect(next.status).toBe(200);
  const [first] = json.alerts as Array<{ id: string }>;
  expect(next.json.alerts).not.toMatchObject([{ id: first?.id }]);
});
