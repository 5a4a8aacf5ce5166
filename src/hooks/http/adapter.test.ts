import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeywardenError, Secret, SecretSource } from '../../model/index.ts';
import { type Authority, makeCa, serve, testNet } from '../../net/testing/index.ts';
import { eventOf, failureOf, hookContract, NOW, testContext } from '../contract.suite.ts';
import { create } from './adapter.ts';
import { Application } from './fake.ts';
import { type HttpConfig, schema } from './schema.ts';

const HEADER = 'planted-header-value';
const PATH = '/hooks/planted-path/reload';
const QUERY = 'planted-query';

let ca: Authority;
beforeAll(async () => {
  ca = await makeCa();
});

const opened: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A reference bound as the configuration's loader would bind it. */
function secretOf(read: () => Promise<Secret>): SecretSource {
  const source = new SecretSource({ env: 'RELOAD_TOKEN' });
  source.bind(read);
  return source;
}

type Options = {
  readonly method?: string;
  readonly token?: () => Promise<Secret>;
  readonly tls?: boolean;
  readonly timeoutMs?: number;
  readonly allowPlaintextLoopback?: boolean;
};

async function start(options: Options = {}) {
  const application = new Application();
  const server = await serve(application.handler, options.tls === false ? {} : { tls: await ca.issue() });
  const { allowPlaintextLoopback = false, method = 'POST' } = options;
  const net = testNet(ca, { timeoutMs: options.timeoutMs ?? 15_000, allowPlaintextLoopback: true });
  const parsed = schema.parse({
    http: { url: `${server.url}${PATH}?token=${QUERY}`, method, allowPlaintextLoopback },
  });
  const token = secretOf(options.token ?? (async () => Secret.from(HEADER)));
  const config: HttpConfig = { ...parsed, http: { ...parsed.http, headers: { 'X-Reload-Token': token } } };
  const { context, text } = testContext(config, net);
  const hook = create(context);
  opened.push(
    () => server.close(),
    () => net.close(),
    () => hook.close(),
  );
  return { application, server, hook, logged: text };
}

hookContract('an HTTP call', async () => {
  const { application, hook, logged, server } = await start();
  return {
    hook,
    logged,
    planted: [HEADER, 'planted-path', QUERY, 'planted-answer'],
    async fail() {
      application.behaviour = { status: 500, body: `planted-answer ${HEADER}` };
    },
    async noticed(count) {
      expect(application.received).toHaveLength(count);
    },
    end: () => server.close(),
  };
});

describe('an HTTP call', () => {
  test.each(['POST', 'PUT'])('%s tells what was published where', async (method) => {
    const { application, hook } = await start({ method });
    await hook.run(eventOf(4));
    const [request] = application.received;
    expect(request).toMatchObject({
      method,
      path: `${PATH}?token=${QUERY}`,
      headers: { 'content-type': 'application/json', 'x-reload-token': HEADER },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      credential: 'frameflow-prod',
      destination: 'file:/run/app/.env#FRAMEFLOW_API_KEY',
      version: 4,
      keyId: 'key_4',
      installation: 'footage/production',
    });
  });

  test('GET has headers and nothing else', async () => {
    const { application, hook } = await start({ method: 'GET' });
    await hook.run(eventOf(4));
    const [request] = application.received;
    expect([request?.method, request?.body, request?.headers['x-reload-token']]).toEqual(['GET', '', HEADER]);
    expect(request?.headers).not.toHaveProperty('idempotency-key');
    expect(request?.headers).not.toHaveProperty('content-type');
  });

  test('a repetition has the same Idempotency-Key, another version or destination another', async () => {
    const { application, hook } = await start();
    for (const event of [eventOf(4), eventOf(4), eventOf(5), eventOf(4, { destination: 'vault:other' })])
      await hook.run(event);
    const keys = application.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  test('reads its headers anew each time', async () => {
    let token = 'first';
    const { application, hook } = await start({ token: async () => Secret.from(token) });
    await hook.run(eventOf());
    token = 'second';
    await hook.run(eventOf());
    expect(application.received.map(({ headers }) => headers['x-reload-token'])).toEqual(['first', 'second']);
  });

  test.each([200, 201, 202, 204])('takes %i for success, whatever it says', async (status) => {
    const { application, hook } = await start();
    application.behaviour = { status, ...(status === 204 ? {} : { body: 'x'.repeat(100_000) }) };
    await hook.run(eventOf());
  });

  test('waits as long as it is asked to', async () => {
    const { application, hook } = await start();
    const date = (ms: number) => new Date(ms).toUTCString();
    application.behaviour = {
      status: 503,
      headers: { 'retry-after': date(NOW + 90_000), date: date(NOW) },
    };
    expect((await failureOf(hook.run(eventOf()))).failure).toMatchObject({
      code: 'unavailable',
      verdict: 'retryable',
      retryAfterMs: 90_000,
    });
  });

  test.each([
    ['cut', 'reset', 'unknown'],
    ['silence', 'timeout', 'unknown'],
    [{ status: 302, headers: { location: '/planted-path' } }, 'redirected', 'permanent'],
    [{ status: 401 }, 'refused', 'permanent'],
  ] as const)('that meets %j fails, with the origin alone', async (behaviour, code, verdict) => {
    const { application, hook, server } = await start({ timeoutMs: 500 });
    application.behaviour = behaviour;
    const error = await failureOf(hook.run(eventOf()));
    expect(error.failure).toMatchObject({ code, verdict });
    expect(error.message).toContain(`localhost:${server.port}`);
    expect(error.message).not.toContain('planted');
    expect(application.received).toHaveLength(1);
  });

  test('to nobody was not sent', async () => {
    const { hook, server } = await start();
    await server.close();
    const { failure } = await failureOf(hook.run(eventOf()));
    expect(failure).toMatchObject({ code: 'connect', verdict: 'retryable' });
    expect(failure.message).not.toContain('planted');
  });

  test('is not made where a header cannot be read', async () => {
    const { application, hook } = await start({
      token: () => Promise.reject(new KeywardenError('secret_unavailable', 'RELOAD_TOKEN is not set')),
    });
    expect((await failureOf(hook.run(eventOf()))).failure).toEqual({
      code: 'secret_unavailable',
      verdict: 'retryable',
      message: 'RELOAD_TOKEN is not set',
    });
    expect(application.received).toEqual([]);
  });

  test.each(['planted\nX-Other: 1', 'plantéd', '', 'a\0'])(
    'is not made where a header would be %j',
    async (value) => {
      const { application, hook } = await start({ token: async () => Secret.from(value) });
      const { failure } = await failureOf(hook.run(eventOf()));
      expect(failure).toMatchObject({ code: 'unfit_header', verdict: 'permanent' });
      expect(failure.message).toContain('X-Reload-Token in environment variable RELOAD_TOKEN');
      expect(failure.message).not.toContain('plant');
      expect(application.received).toEqual([]);
    },
  );

  test('over plain http is refused, to this machine too, unless that is allowed', async () => {
    const refused = await start({ tls: false });
    const { failure } = await failureOf(refused.hook.run(eventOf()));
    expect(failure).toMatchObject({ code: 'plaintext_refused', verdict: 'permanent' });
    expect(failure.message).not.toContain('planted');
    expect(refused.application.received).toEqual([]);
    const allowed = await start({ tls: false, allowPlaintextLoopback: true });
    await allowed.hook.run(eventOf());
    expect(allowed.application.received).toHaveLength(1);
  });

  test('that is under way when the hook is closed ends', async () => {
    const { application, hook, server } = await start();
    application.behaviour = 'silence';
    const requested = new Promise((resolve) => server.server.once('request', resolve));
    const failed = failureOf(hook.run(eventOf()));
    await requested;
    await hook.close();
    expect((await failed).failure).toMatchObject({ code: 'closed', verdict: 'unknown' });
  });
});

describe('the configuration of an HTTP call', () => {
  const url = 'https://app.example.com/reload';

  test('is a POST that may take 10 s, over https', () => {
    expect(schema.parse({ http: { url } })).toEqual({
      http: { url, method: 'POST', allowPlaintextLoopback: false },
      timeout: 10_000,
    });
  });

  test.each([
    [{ http: { url: 'https://user:password@app.example.com' } }, 'http.url'],
    [{ http: { url, method: 'DELETE' } }, 'http.method'],
    [{ http: { url, headers: { Authorization: 'Bearer planted' } } }, 'http.headers.Authorization'],
    [{ http: { url, headers: { 'Content-Type': { env: 'A' } } } }, 'http.headers.Content-Type'],
    [{ http: { url, headers: { 'idempotency-key': { env: 'A' } } } }, 'http.headers.idempotency-key'],
    [{ http: { url, headers: { 'a b': { env: 'A' } } } }, 'http.headers.a b'],
    [{ http: { url, headers: { 'X-Key': { env: 'A' }, 'x-key': { env: 'B' } } } }, 'http.headers'],
    [{ http: { url }, timeout: '61m' }, 'timeout'],
    [{ http: { url }, retries: 3 }, ''],
  ])('%j is refused', (config, path) => {
    const { error } = schema.safeParse(config);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});
