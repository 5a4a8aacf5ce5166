import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { edgeErrorOf, endingEach, expectNoSecret, markOf } from '../parts.suite.ts';
import type { FakeAnswer } from '../testing/fake-service.ts';
import { status } from './fake.ts';
import { type KubernetesWorld, NAME, startKubernetesWorld, TARGET } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const ending = endingEach();

async function start(): Promise<KubernetesWorld> {
  const world = await startKubernetesWorld();
  ending(world);
  return world;
}

const outcome = async (action: Promise<unknown>) => {
  const { code, verdict } = (await edgeErrorOf(action)).failure;
  return `${code} ${verdict}`;
};

describe('An immutable Secret', () => {
  test('is refused before anything is sent, by preflight too', async () => {
    const { store, cluster } = await start();
    cluster.edit(NAME, { user: 'svc' });
    cluster.set(NAME, { immutable: true });
    const found = await store.readBack(TARGET);
    expect(await outcome(store.preflight(TARGET))).toBe('immutable permanent');
    expect(await outcome(store.publish(TARGET, KEY, markOf(1), found))).toBe('immutable permanent');
    expect(new Set(cluster.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  test('that already holds the version is done', async () => {
    const { store, cluster } = await start();
    const mark = markOf(1);
    await store.publish(TARGET, KEY, mark, null);
    cluster.set(NAME, { immutable: true });
    await store.publish(TARGET, KEY, mark, await store.readBack(TARGET));
  });

  test('is told where the API server says so', async () => {
    const { store, cluster } = await start();
    const message = `Secret "frameflow" is invalid: data: Forbidden: field is immutable when \`immutable\` is set`;
    cluster.fault = ({ method }) => (method === 'PATCH' ? status(422, 'Invalid', message) : null);
    expect(await outcome(store.publish(TARGET, KEY, markOf(1), null))).toBe('immutable permanent');
  });
});

describe('A Secret that is too large', () => {
  test('is refused before anything is sent', async () => {
    const { store, cluster } = await start();
    cluster.edit(NAME, { certificates: 'x'.repeat(1024 * 1024 - KEY.length) });
    await store.publish(TARGET, KEY, markOf(1), await store.readBack(TARGET));
    const longer = Secret.from(`${KEY.reveal()}+`);
    const sent = cluster.requests.length;
    expect(await outcome(store.publish(TARGET, longer, markOf(2), await store.readBack(TARGET)))).toBe(
      'too_large permanent',
    );
    expect(cluster.requests.slice(sent).map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  test.each([
    ['data', 422],
    ['metadata.annotations', 422],
    ['', 413],
  ])('is told where the API server says so: %s %i', async (field, code) => {
    const { store, cluster } = await start();
    const details = { causes: [{ reason: 'FieldValueTooLong', message: 'Too long', field }] };
    cluster.fault = ({ method }) =>
      method === 'PATCH' ? status(code, 'Invalid', 'too long', details) : null;
    expect(await outcome(store.publish(TARGET, KEY, markOf(1), null))).toBe('too_large permanent');
  });
});

describe('A Secret of a type that has a form', () => {
  const target = { ...TARGET, key: '.dockerconfigjson' };

  test('takes a value of that form and keeps its type', async () => {
    const { store, cluster } = await start();
    cluster.edit(NAME, { '.dockerconfigjson': '{}' });
    cluster.set(NAME, { type: 'kubernetes.io/dockerconfigjson' });
    await store.preflight(target);
    await store.publish(target, Secret.from('{"auths":{}}'), markOf(1), await store.readBack(target));
    expect(cluster.secret(NAME)).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' });
  });

  test('refuses another value, and the message does not quote it', async () => {
    const { store, cluster } = await start();
    cluster.edit(NAME, { '.dockerconfigjson': '{}' });
    cluster.set(NAME, { type: 'kubernetes.io/dockerconfigjson' });
    const error = await edgeErrorOf(store.publish(target, KEY, markOf(1), await store.readBack(target)));
    expect(error.failure).toMatchObject({ code: 'invalid', verdict: 'permanent' });
    expectNoSecret(`${error.message}${error.stack}`, [KEY.reveal()]);
  });
});

describe('An answer of the API server', () => {
  const forbidden = (why: string) =>
    status(403, 'Forbidden', `secrets "frameflow" is forbidden: ${why}`, { kind: 'secrets' });

  test.each<[string, FakeAnswer, string, string]>([
    [
      'a namespace that is going away',
      forbidden('unable to create new content in namespace footage because it is being terminated'),
      'namespace_ending permanent',
      'namespace_ending permanent',
    ],
    [
      'an exceeded quota',
      forbidden('exceeded quota: objects, requested: secrets=1, used: secrets=10, limited: secrets=10'),
      'quota permanent',
      'quota permanent',
    ],
    ['a refusal by policy', forbidden('policy "x" denied request'), 'denied permanent', 'denied permanent'],
    [
      'nobody logged in',
      forbidden('User "system:anonymous" cannot get resource "secrets" in API group ""'),
      'login_refused rejected',
      'login_refused rejected',
    ],
    [
      'no such page',
      { status: 404, body: '404 page not found' },
      'not_found permanent',
      'not_found permanent',
    ],
    [
      'an unknown content type',
      status(415, 'UnsupportedMediaType', 'x'),
      'refused permanent',
      'refused permanent',
    ],
    [
      'a redirect',
      { status: 302, headers: { Location: 'https://example.com/' } },
      'refused permanent',
      'refused permanent',
    ],
    ['an error', status(500, 'InternalError', 'x'), 'unavailable retryable', 'unavailable unknown'],
    ['its own deadline', status(504, 'Timeout', 'x'), 'unavailable retryable', 'unavailable unknown'],
    ['a page of a proxy', { status: 200, body: 'welcome' }, 'bad_answer retryable', 'bad_answer unknown'],
  ])('that is %s has a verdict', async (_name, answer, reading, writing) => {
    const { store, cluster } = await start();
    cluster.fault = ({ method }) => (method === 'GET' ? answer : null);
    expect(await outcome(store.readBack(TARGET))).toBe(reading);
    cluster.fault = ({ method }) => (method === 'PATCH' ? answer : null);
    expect(await outcome(store.publish(TARGET, KEY, markOf(1), null))).toBe(writing);
  });

  test('that asks to wait is waited for as long as it says', async () => {
    const { store, cluster } = await start();
    const headers = { 'Retry-After': '7' };
    cluster.fault = () => ({ ...status(429, 'TooManyRequests', 'x'), headers });
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'rate_limited',
      verdict: 'retryable',
      retryAfterMs: 7_000,
    });
  });
});
