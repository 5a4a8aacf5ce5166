import { describe, expect, test } from 'vitest';
import { SECOND, START, type World, world } from './testing/world.ts';

const payload = { summary: 'spike', source: 'keywarden', severity: 'critical' };

function enqueue({ sandbox, call }: World, event: object, path = '/v2/enqueue') {
  const body = { routing_key: sandbox.pagerduty.routingKey, event_action: 'trigger', payload, ...event };
  return call(`${sandbox.pagerduty.url}${path}`, { method: 'POST', body });
}

test('an event is taken with 202 and the dedup key, given or made', async () => {
  const here = await world();
  const given = await enqueue(here, { dedup_key: 'a' });
  expect(given.status).toBe(202);
  expect(given.json).toEqual({ status: 'success', message: 'Event processed', dedup_key: 'a' });
  expect((await enqueue(here, {})).json.dedup_key).toMatch(/^[a-z0-9]{32}$/);
  expect(here.sandbox.pagerduty.events()[0]).toMatchObject({
    receivedAt: START,
    action: 'trigger',
    dedupKey: 'a',
    payload,
  });
});

test('events are folded by dedup key into incidents', async () => {
  const here = await world();
  const { pagerduty } = here.sandbox;
  await enqueue(here, { dedup_key: 'a' });
  await enqueue(here, { dedup_key: 'a' });
  await enqueue(here, { dedup_key: 'b', payload: { ...payload, severity: 'info' } });
  expect(pagerduty.incidents()).toMatchObject([
    { dedupKey: 'a', status: 'triggered', triggers: 2, summary: 'spike', severity: 'critical' },
    { dedupKey: 'b', status: 'triggered', triggers: 1, severity: 'info' },
  ]);
  here.advance(SECOND);
  await enqueue(here, { dedup_key: 'a', event_action: 'acknowledge', payload: undefined });
  await enqueue(here, { dedup_key: 'a' });
  expect(pagerduty.incidents()[0]).toMatchObject({
    status: 'acknowledged',
    triggers: 3,
    acknowledgedAt: START + SECOND,
  });
  here.advance(SECOND);
  await enqueue(here, { dedup_key: 'a', event_action: 'resolve', payload: undefined });
  expect(pagerduty.incidents()[0]).toMatchObject({ status: 'resolved', resolvedAt: START + 2 * SECOND });
  await enqueue(here, { dedup_key: 'a' });
  expect(pagerduty.incidents().map(({ dedupKey, status }) => [dedupKey, status])).toEqual([
    ['a', 'resolved'],
    ['b', 'triggered'],
    ['a', 'triggered'],
  ]);
});

test('a resolve without an incident is taken and changes nothing', async () => {
  const here = await world();
  const answer = await enqueue(here, { dedup_key: 'a', event_action: 'resolve', payload: undefined });
  expect(answer.status).toBe(202);
  expect(here.sandbox.pagerduty.incidents()).toEqual([]);
});

test('a change event is taken and makes no incident', async () => {
  const here = await world();
  const event = { event_action: undefined, payload: { summary: 'key rotated' } };
  const answer = await enqueue(here, event, '/v2/change/enqueue');
  expect([answer.status, answer.json]).toEqual([
    202,
    { status: 'success', message: 'Change event processed' },
  ]);
  expect(here.sandbox.pagerduty.events()).toMatchObject([{ action: 'change', dedupKey: '' }]);
  expect(here.sandbox.pagerduty.incidents()).toEqual([]);
  expect((await enqueue(here, { payload: {} }, '/v2/change/enqueue')).status).toBe(400);
});

describe('an event', () => {
  test.each([
    ['no routing key', { routing_key: undefined }, "'routing_key' is missing or blank"],
    [
      'a short routing key',
      { routing_key: 'x' },
      "Length of 'routing_key' is incorrect (should be 32 characters)",
    ],
    ['another routing key', { routing_key: 'x'.repeat(32) }, 'Invalid routing key'],
    [
      'an unknown action',
      { event_action: 'open' },
      "'event_action' is not one of trigger, acknowledge, resolve",
    ],
    ['no payload', { payload: undefined }, "'payload' is missing or no object"],
    ['no summary', { payload: { ...payload, summary: ' ' } }, "'payload.summary' is missing or blank"],
    [
      'a summary of 1025 characters',
      { payload: { ...payload, summary: 'x'.repeat(1025) } },
      "'payload.summary' is longer than 1024 characters",
    ],
    ['no source', { payload: { ...payload, source: undefined } }, "'payload.source' is missing or blank"],
    [
      'an unknown severity',
      { payload: { ...payload, severity: 'fatal' } },
      "'payload.severity' is not one of critical, error, warning, info",
    ],
    ['a bad time', { payload: { ...payload, timestamp: 'now' } }, "'payload.timestamp' is no ISO 8601 time"],
    [
      'details that are text',
      { payload: { ...payload, custom_details: 'x' } },
      "'payload.custom_details' is no object",
    ],
    ['a link without address', { links: [{ text: 'x' }] }, "'links' has no valid href"],
    ['a resolve without dedup key', { event_action: 'resolve' }, "'dedup_key' is missing or blank"],
    [
      'a dedup key too long',
      { dedup_key: 'x'.repeat(256) },
      "'dedup_key' is no string of at most 255 characters",
    ],
  ])('with %s gets 400 and the reason', async (_, event, reason) => {
    const here = await world();
    const answer = await enqueue(here, event);
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      status: 'invalid event',
      message: 'Event object is invalid',
      errors: [reason],
    });
    expect(here.sandbox.pagerduty.events()).toEqual([]);
  });

  test('over 512 KB gets 413, that is no JSON 400', async () => {
    const { sandbox, call } = await world();
    const url = `${sandbox.pagerduty.url}/v2/enqueue`;
    expect((await call(url, { method: 'POST', body: 'x'.repeat(512 * 1024 + 1) })).status).toBe(413);
    expect((await call(url, { method: 'POST', body: '{' })).json.errors).toEqual(['JSON is invalid']);
    expect((await call(url)).status).toBe(405);
    expect((await call(`${sandbox.pagerduty.url}/v1/enqueue`, { method: 'POST' })).status).toBe(404);
  });
});

test('one can wait for an event', async () => {
  const here = await world();
  const resolved = here.sandbox.pagerduty.waitFor(({ action }) => action === 'resolve');
  await enqueue(here, { dedup_key: 'a' });
  await enqueue(here, { dedup_key: 'a', event_action: 'resolve' });
  expect((await resolved).dedupKey).toBe('a');
});
