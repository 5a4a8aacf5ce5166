import type { IncomingMessage, ServerResponse } from 'node:http';
import { Secret } from '../../model/index.ts';
import { bodyOf, type Issued, type Served, serve } from '../../net/testing/index.ts';
import type { Reply } from '../contract.suite.ts';

const HOUR = 3_600_000;

/** A request as it arrived. */
export type Arrived = {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

/**
 * FrameFlow's authentication API for tests, as far as `frameflow.openapi.yaml` states it, on a clock that stands still.
 *
 * @example
 * const fake = new FakeFrameflow();
 * const { url } = await fake.listen(ca.issue());
 */
export class FakeFrameflow {
  /** The first key, accepted from the start. */
  readonly key = Secret.from('ff_live_PlantedKeyPlantedKey0');
  readonly arrived: Arrived[] = [];
  /** The log, oldest first. */
  readonly events: object[] = [];
  now = Date.UTC(2026, 9, 1, 9);
  readonly #keys = new Map<string, { readonly id: string; rotatedAt: number | null }>();
  readonly #answers = new Map<string, string>();
  readonly #replies: Reply[] = [];
  #served: Served | null = null;

  constructor() {
    this.#keys.set(this.key.reveal(), { id: 'key_0', rotatedAt: null });
  }

  async listen(tls: Issued): Promise<Served> {
    this.#served = await serve((request, response) => void this.#serve(request, response), { tls });
    return this.#served;
  }

  async close(): Promise<void> {
    await this.#served?.close();
  }

  replyNext(reply: Reply): void {
    this.#replies.push(reply);
  }

  revoke(key: Secret): void {
    this.#keys.delete(key.reveal());
  }

  addEvents(count: number): readonly string[] {
    const from = this.events.length;
    const ids = Array.from({ length: count }, (_, index) => `evt_${from + index}`);
    for (const id of ids) {
      this.events.push({
        id,
        time: this.#time(this.now),
        key_id: 'key_0',
        ip: '203.0.113.7',
        geo: { country: 'DE', city: 'Köln', latitude: 50.9, longitude: 6.9 },
        method: 'GET',
        path: '/v1/clips',
        status: 200,
        user_agent: 'footage/1.0',
        request_id: `req_${id}`,
      });
    }
    return ids;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://fake');
    this.arrived.push({
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: await bodyOf(request),
    });
    const reply = this.#replies.shift();
    if (reply === 'silence') return;
    if (reply === 'cut') return void request.socket.destroy();
    if (reply === 'endless') return pour(response);
    if (typeof reply === 'object') {
      response.writeHead(reply.status, reply.headers).end(reply.body);
      return;
    }
    const key = (request.headers.authorization ?? '').replace('Bearer ', '');
    const [status, body, headers] = this.#answer(request, url, key);
    if (reply === 'cut-after') return void request.socket.destroy();
    const id = this.#keys.get(key)?.id;
    response.writeHead(status, { ...headers, ...(id === undefined ? {} : { 'x-key-id': id }) }).end(body);
  }

  #answer(
    request: IncomingMessage,
    url: URL,
    key: string,
  ): readonly [status: number, body: string, headers: Record<string, string>] {
    if (!this.#keys.has(key)) return [401, fault('invalid_key'), {}];
    const route = `${request.method} ${url.pathname}`;
    if (route === 'GET /v1/auth/logs') {
      return [200, this.#page(url.searchParams), { 'x-ratelimit-remaining': '117' }];
    }
    if (route === 'POST /v1/auth/rotate') {
      return [201, this.#rotate(key, String(request.headers['idempotency-key'])), {}];
    }
    return [404, fault('not_found'), {}];
  }

  #rotate(signer: string, idempotencyKey: string): string {
    const call = `${signer} ${idempotencyKey}`;
    const known = this.#answers.get(call);
    if (known !== undefined) return known;
    const previous = this.#keys.get(signer);
    if (previous === undefined) throw new TypeError('no such signer');
    previous.rotatedAt ??= this.now;
    const number = this.#keys.size;
    const key = `ff_live_PlantedKeyPlantedKey${number}`;
    this.#keys.set(key, { id: `key_${number}`, rotatedAt: null });
    const answer = JSON.stringify({
      key_id: `key_${number}`,
      key,
      tier: 'Standard',
      created_at: this.#time(this.now),
      previous_key: {
        key_id: previous.id,
        rotated_at: this.#time(previous.rotatedAt),
        expires_at: this.#time(previous.rotatedAt + 72 * HOUR),
      },
      request_id: `req_${number}`,
    });
    this.#answers.set(call, answer);
    return answer;
  }

  #page(query: URLSearchParams): string {
    const from = Number(query.get('cursor') ?? 0);
    const to = Math.min(this.events.length, from + Number(query.get('limit')));
    return JSON.stringify({
      events: this.events.slice(from, to),
      next_cursor: String(to),
      has_more: to < this.events.length,
    });
  }

  #time(ms: number): string {
    return new Date(ms).toISOString();
  }
}

function fault(code: string): string {
  return JSON.stringify({ error: { code, message: code }, request_id: 'req_fault' });
}

function pour(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
  };
  response.writeHead(200).on('drain', more);
  more();
}
