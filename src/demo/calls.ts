import type { Agent, IncomingMessage } from 'node:http';

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export type Message = {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
};

/** How long a call may take, ms. */
const DEADLINE = 5_000;

/** The demonstration's applications call others with this: connections are kept, redirects are shown and not followed. */
export class Calls {
  readonly #secure: Agent;
  readonly #plain: Agent;

  /** @param ca whom to trust, PEM */
  constructor(ca: string) {
    this.#secure = new (process.getBuiltinModule('node:https').Agent)({ keepAlive: true, ca });
    this.#plain = new (process.getBuiltinModule('node:http').Agent)({ keepAlive: true });
  }

  /** A kept connection may be closed by the other side at the moment it is used again: such a call is made once more. */
  async make(url: string, message: Message = {}): Promise<Answer> {
    try {
      return await this.#send(url, message);
    } catch (error) {
      if (!(error instanceof ReusedSocketError)) throw error;
      return this.#send(url, message);
    }
  }

  #send(url: string, { method = 'GET', headers = {}, body }: Message): Promise<Answer> {
    const secure = url.startsWith('https:');
    const { request } = process.getBuiltinModule(secure ? 'node:https' : 'node:http');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const call = request(url, {
      method,
      agent: secure ? this.#secure : this.#plain,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      timeout: DEADLINE,
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${DEADLINE / 1_000} s`)));
    call.on('error', (error: Error & { code?: string }) => {
      reject(call.reusedSocket && error.code === 'ECONNRESET' ? new ReusedSocketError() : error);
    });
    call.on('response', (response) => void read(response).then(resolve, reject));
    call.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}

class ReusedSocketError extends Error {}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode = 0, headers } = response;
  return { status: statusCode, headers, body: Buffer.concat(chunks).toString() };
}

/** What went wrong with a call that got no answer, in a word or two. */
export function reasonOf(error: Error & { readonly code?: string }): string {
  return error.code ?? error.message;
}
