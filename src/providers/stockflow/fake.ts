import { Secret } from '../../model/index.ts';
import { type Answer, type Arrived, FakeProvider } from '../fake.ts';

const INACTIVITY = 90 * 86_400_000;
const MEDIA: readonly unknown[] = [undefined, 'video', 'photo', 'audio'];

/**
 * StockFlow's search for tests, as `stockflow.openapi.yaml` states it, on a clock that only the test moves.
 *
 * @example
 * const fake = new FakeStockflow();
 * const { url } = await fake.listen(await ca.issue());
 */
export class FakeStockflow extends FakeProvider {
  /** The first key, live, accepted from the start. */
  readonly key = Secret.from('sk_live_PlantedKeyPlantedKey0');
  now = Date.UTC(2026, 9, 1, 9);
  readonly #keys = new Map<string, { readonly permissions: readonly string[]; usedAt: number }>();

  constructor() {
    super();
    this.add(this.key);
  }

  /** A person made this key in the dashboard. */
  add(key: Secret, permissions: readonly string[] = ['read_media']): void {
    this.#keys.set(key.reveal(), { permissions, usedAt: this.now });
  }

  revoke(key: Secret): void {
    this.#keys.delete(key.reveal());
  }

  protected answer(request: Arrived): Answer {
    const key = this.#keys.get(request.key);
    if (key === undefined || this.now - key.usedAt >= INACTIVITY) {
      return problem(401, 'invalid_key', { retry_after: '30' });
    }
    if (`${request.method} ${request.path}` !== 'POST /v2/search') return problem(404, 'not_found');
    if (!key.permissions.includes('read_media')) return problem(403, 'permission_denied');
    key.usedAt = this.now;
    if (!isSearch(request)) return problem(400, 'invalid_request');
    const results = [{ id: 'st_1', preview_url: 'https://cdn.stockflow.example/st_1.mp4' }];
    const body = JSON.stringify({ status: 200, request_id: 'req_1', results, next_page: null });
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
}

function isSearch({ headers, body }: Arrived): boolean {
  const search = JSON.parse(body) as Readonly<Record<string, unknown>>;
  return (
    headers['content-type'] === 'application/json' &&
    typeof search.query === 'string' &&
    MEDIA.includes(search.media_type)
  );
}

function problem(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: JSON.stringify({ status, error: { code } }) };
}
