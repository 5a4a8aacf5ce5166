import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { bodyOf } from '../../net/testing/index.ts';

/** A request as the application saw it. */
export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** What it does instead of answering 204. */
export type Behaviour =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'cut'
  | 'silence';

/** An application that is told of new versions, to be served by a real server. */
export class Application {
  readonly received: Received[] = [];
  /** From now on, for every request. */
  behaviour: Behaviour = { status: 204 };

  readonly handler: RequestListener = async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    this.received.push({ method, path, headers, body: await bodyOf(request) });
    const { behaviour } = this;
    if (behaviour === 'silence') return;
    if (behaviour === 'cut') response.destroy();
    else response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
  };
}
