import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, type Issued, type Served, serve } from '../net/testing/index.ts';
import type { Reply } from './contract.suite.ts';

/** A request as it arrived. */
export type Arrived = {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The bearer token; empty where there is none. */
  readonly key: string;
};

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};

/** The frame of every fake provider: a real server that answers by `answer` unless the next request is to fare otherwise. */
export abstract class FakeProvider {
  readonly arrived: Arrived[] = [];
  readonly #replies: Reply[] = [];
  #served: Served | null = null;

  /** The provider's protocol. */
  protected abstract answer(request: Arrived): Answer;

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

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrived = await read(request);
    this.arrived.push(arrived);
    const reply = this.#replies.shift();
    if (reply === 'silence') return;
    if (reply === 'cut') return void request.socket.destroy();
    if (reply === 'endless') return pour(response);
    const { status, headers, body } = typeof reply === 'object' ? reply : this.answer(arrived);
    if (reply === 'cut-after') return void request.socket.destroy();
    response.writeHead(status, headers).end(body);
  }
}

async function read(request: IncomingMessage): Promise<Arrived> {
  const url = new URL(request.url ?? '/', 'https://fake');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: await bodyOf(request),
    key: (request.headers.authorization ?? '').replace('Bearer ', ''),
  };
}

function pour(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
  };
  response.writeHead(200).on('drain', more);
  more();
}
