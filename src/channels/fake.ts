import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** A request as the other side saw it. */
export type Received = {
  readonly path: string;
  readonly contentType: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** What the other side does instead of answering by its protocol. `cut` and `silence` come after it read the request. */
export type Fault = Answer | 'cut' | 'silence';

/** A vendor's side of a channel, to be served by a real server: speaks its protocol, refuses what it would refuse. */
export type ChannelFake = {
  readonly handler: RequestListener;
  /** Every request, in order, those that met a fault included. */
  readonly received: readonly Received[];
  /** The next requests meet these, one each. */
  fail(...faults: readonly Fault[]): void;
};

/** The frame of every fake: `answer` is the vendor's protocol. */
export function channelFake(answer: (request: Received) => Answer): ChannelFake {
  const received: Received[] = [];
  const faults: Fault[] = [];
  return {
    received,
    fail: (...more) => {
      faults.push(...more);
    },
    handler: async (request, response) => {
      const seen = await read(request);
      received.push(seen);
      respond(response, faults.shift() ?? answer(seen));
    },
  };
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    path: request.url ?? '',
    contentType: request.headers['content-type'] ?? '',
    headers: request.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

function respond(response: ServerResponse, answer: Fault): void {
  if (answer === 'silence') return;
  if (answer === 'cut') {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body ?? '');
}
