import { Secret } from '../../model/index.ts';
import { type Answer, type Arrived, FakeProvider } from '../fake.ts';

const HOUR = 3_600_000;

/**
 * FrameFlow's authentication API for tests, as far as `frameflow.openapi.yaml` states it, on a clock that stands still.
 *
 * @example
 * const fake = new FakeFrameflow();
 * const { url } = await fake.listen(ca.issue());
 */
export class FakeFrameflow extends FakeProvider {
  /** The first key, accepted from the start. */
  readonly key = Secret.from('ff_live_PlantedKeyPlantedKey0');
  /** The log, oldest first. */
  readonly events: object[] = [];
  now = Date.UTC(2026, 9, 1, 9);
  readonly #keys = new Map<string, { readonly id: string; rotatedAt: number | null }>();
  readonly #answers = new Map<string, string>();

  constructor() {
    super();
    this.#keys.set(this.key.reveal(), { id: 'key_0', rotatedAt: null });
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

  protected answer(request: Arrived): Answer {
    const id = this.#keys.get(request.key)?.id;
    if (id === undefined) return { status: 401, body: fault('invalid_key') };
    const headers = { 'x-key-id': id };
    const route = `${request.method} ${request.path}`;
    if (route === 'GET /v1/auth/logs') {
      const body = this.#page(request.query);
      return { status: 200, headers: { ...headers, 'x-ratelimit-remaining': '117' }, body };
    }
    if (route === 'POST /v1/auth/rotate') {
      const body = this.#rotate(request.key, String(request.headers['idempotency-key']));
      return { status: 201, headers, body };
    }
    return { status: 404, headers, body: fault('not_found') };
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

  #page(query: Arrived['query']): string {
    const from = Number(query.cursor ?? 0);
    const to = Math.min(this.events.length, from + Number(query.limit));
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
