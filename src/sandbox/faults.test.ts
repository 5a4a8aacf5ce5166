import { gunzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import type { FaultRule } from './index.ts';
import { field, send, type World, world } from './testing/world.ts';

const rotation = (fault: FaultRule['fault']): FaultRule => ({
  service: 'frameflow',
  path: '/v1/auth/rotate',
  fault,
});
const minted = ({ sandbox }: World) => sandbox.frameflow.keys().length - 1;

describe('a fault', () => {
  test('befalls one request unless told otherwise', async () => {
    const { sandbox, search } = await world();
    sandbox.admin.setFault({ service: 'frameflow', fault: { kind: 'status', status: 503 } });
    expect([(await search()).status, (await search()).status]).toEqual([503, 200]);
  });

  test('befalls so many requests, or all until it is cleared', async () => {
    const { sandbox, search } = await world();
    const fault = { kind: 'status', status: 502 } as const;
    sandbox.admin.setFault({ service: 'frameflow', times: 2, fault });
    expect([(await search()).status, (await search()).status, (await search()).status]).toEqual([
      502, 502, 200,
    ]);
    sandbox.admin.setFault({ service: 'frameflow', times: 0, fault });
    expect([(await search()).status, (await search()).status, (await search()).status]).toEqual([
      502, 502, 502,
    ]);
    sandbox.admin.clearFaults();
    expect((await search()).status).toBe(200);
  });

  test('befalls only its service, path and method', async () => {
    const { sandbox, search, rotate, call } = await world();
    const fault = { kind: 'status', status: 500 } as const;
    sandbox.admin.setFault({ service: 'stockflow', fault });
    sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth', method: 'post', fault });
    expect((await search()).status).toBe(200);
    expect((await call(`${sandbox.frameflow.url}/v1/auth/rotate`)).status).toBe(401);
    expect((await rotate()).status).toBe(500);
    expect((await call(`${sandbox.stockflow.url}/v2/search`, { method: 'POST' })).status).toBe(500);
  });

  test('comes in the order in which it was set', async () => {
    const { sandbox, search } = await world();
    for (const status of [500, 429, 503]) {
      sandbox.admin.setFault({ service: 'frameflow', fault: { kind: 'status', status } });
    }
    expect([(await search()).status, (await search()).status, (await search()).status]).toEqual([
      500, 429, 503,
    ]);
  });

  test('that is not well-formed is refused', async () => {
    const { sandbox } = await world();
    expect(() => sandbox.admin.setFault(rotation({ kind: 'status', status: 42 }))).toThrow(/status/);
  });
});

describe('a rotation under the fault', () => {
  test('status: nothing is minted, and body and headers are as asked', async () => {
    const here = await world();
    const fault = { kind: 'status', status: 429, body: { no: 1 }, headers: { 'retry-after': '7' } } as const;
    here.sandbox.admin.setFault(rotation(fault));
    const answer = await here.rotate();
    expect([answer.status, answer.json, answer.headers['retry-after']]).toEqual([429, { no: 1 }, '7']);
    expect(minted(here)).toBe(0);
  });

  test('status, processed: the key is minted behind a 500', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'status', status: 500, processed: true }));
    const answer = await here.rotate();
    expect(answer.status).toBe(500);
    expect(answer.json).toMatchObject({ error: { code: 'injected' }, request_id: 'req_injected' });
    expect(minted(here)).toBe(1);
  });

  test('drop-before: the connection is cut and nothing is minted', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'drop-before' }));
    await expect(here.rotate()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(minted(here)).toBe(0);
  });

  test('drop-after: the connection is cut, and a repeat under the same Idempotency-Key gets the key', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'drop-after' }));
    const request = { headers: { 'idempotency-key': 'mint-1' } };
    await expect(here.rotate(undefined, request)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(minted(here)).toBe(1);
    const again = await here.rotate(undefined, request);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(field(again, 'key')).toBe(here.sandbox.frameflow.keys()[1]?.value);
    expect(minted(here)).toBe(1);
  });

  test('garbage: the key is minted, the answer is no JSON', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'garbage' }));
    const answer = await here.rotate();
    expect(answer.status).toBe(201);
    expect(() => JSON.parse(answer.text)).toThrow(SyntaxError);
    expect(minted(here)).toBe(1);
  });

  test('garbage, not processed: nothing is minted', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'garbage', processed: false }));
    expect((await here.rotate()).status).toBe(200);
    expect(minted(here)).toBe(0);
  });

  test('truncated: the key is minted, the answer ends in its middle', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'truncated' }));
    await expect(here.rotate()).rejects.toMatchObject({ code: 'ECONNRESET', message: 'aborted' });
    expect(minted(here)).toBe(1);
  });

  test('endless: the body goes on for as long as somebody reads', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'endless' }));
    await expect(here.rotate(undefined, { maxBytes: 2_000_000 })).rejects.toThrow(
      'more than 2000000 bytes came',
    );
    expect(minted(here)).toBe(1);
    expect((await here.search()).status).toBe(200);
  });

  test('endless-gzip: a few bytes unpack to a thousandfold', async () => {
    const { sandbox } = await world();
    sandbox.admin.setFault({ service: 'frameflow', fault: { kind: 'endless-gzip' } });
    const { encoding, bytes } = await firstBytes(sandbox.ca, `${sandbox.frameflow.url}/`, 20_000);
    expect(encoding).toBe('gzip');
    const unpacked = gunzipSync(bytes, { finishFlush: 2 });
    expect(unpacked.length).toBeGreaterThan(bytes.length * 500);
  });

  test('redirect: the client is sent elsewhere and nothing is minted', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'redirect', to: 'https://elsewhere.example/' }));
    const answer = await here.rotate();
    expect([answer.status, answer.headers.location]).toEqual([307, 'https://elsewhere.example/']);
    expect(minted(here)).toBe(0);
  });

  test('wrong-key-form: the key that is minted does not have the contract’s form', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'wrong-key-form' }));
    const answer = await here.rotate();
    expect(answer.status).toBe(201);
    expect(field(answer, 'key')).not.toMatch(/^ff_live_[A-Za-z0-9]{16,64}$/);
    expect(here.sandbox.frameflow.keys()[1]?.value).toBe(field(answer, 'key'));
  });
});

describe('a delay', () => {
  test('makes the answer late', async () => {
    const { sandbox, search } = await world();
    sandbox.admin.setFault({ service: 'frameflow', fault: { kind: 'delay', ms: 40 } });
    const begun = performance.now();
    expect((await search()).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
  });

  test('is followed by another fault where one is named', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'delay', ms: 5, next: { kind: 'drop-after' } }));
    await expect(here.rotate()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(minted(here)).toBe(1);
  });

  test('outlasts a client that gives up: the request has its effect all the same', async () => {
    const here = await world();
    here.sandbox.admin.setFault(rotation({ kind: 'delay', ms: 60_000 }));
    const client = new AbortController();
    const given = expect(here.rotate(undefined, { signal: client.signal })).rejects.toMatchObject({
      code: 'ABORT_ERR',
    });
    await vi.waitUntil(() => here.sandbox.admin.state().faults.length === 0, { interval: 1 });
    client.abort();
    await given;
    expect(minted(here)).toBe(0);
    here.sandbox.admin.clearFaults();
    await vi.waitUntil(() => minted(here) === 1, { interval: 1 });
    expect((await here.search()).status).toBe(200);
  });

  test('does not hold up the closing', async () => {
    const { sandbox, rotate } = await world();
    sandbox.admin.setFault(rotation({ kind: 'delay', ms: 60_000 }));
    const hanging = expect(rotate()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await vi.waitUntil(() => sandbox.admin.state().faults.length === 0, { interval: 1 });
    const begun = performance.now();
    await sandbox.close();
    await hanging;
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

test.each(['slack', 'pagerduty', 'stockflow'] as const)(
  '%s can fail too, before and after its work',
  async (service) => {
    const { sandbox, call } = await world();
    const requests = {
      slack: [sandbox.slack.webhookUrl, { text: 'hello' }, {}],
      pagerduty: [
        `${sandbox.pagerduty.url}/v2/enqueue`,
        {
          routing_key: sandbox.pagerduty.routingKey,
          event_action: 'trigger',
          payload: { summary: 's', source: 'x', severity: 'info' },
        },
        {},
      ],
      stockflow: [`${sandbox.stockflow.url}/v2/search`, { query: 'x' }, { key: sandbox.stockflow.key }],
    } as const;
    const [url, body, more] = requests[service];
    const done = () => {
      const { slack, pagerduty } = sandbox.admin.state();
      return slack.messages + pagerduty.events;
    };
    sandbox.admin.setFault({ service, fault: { kind: 'status', status: 500 } });
    expect((await call(url, { method: 'POST', body, ...more })).status).toBe(500);
    expect(done()).toBe(0);
    sandbox.admin.setFault({ service, fault: { kind: 'drop-after' } });
    await expect(call(url, { method: 'POST', body, ...more })).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(done()).toBe(service === 'stockflow' ? 0 : 1);
    expect((await send(sandbox.ca, url, { method: 'POST', body, ...more })).status).toBeLessThan(300);
  },
);

/** The head of a body that does not end. */
function firstBytes(ca: string, url: string, count: number): Promise<{ encoding: unknown; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = process.getBuiltinModule('node:https').get(url, { ca, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        if (bytes.length < count) return;
        resolve({ encoding: response.headers['content-encoding'], bytes });
        request.destroy();
      });
      response.once('error', () => request.destroy());
    });
    request.once('error', reject);
  });
}
