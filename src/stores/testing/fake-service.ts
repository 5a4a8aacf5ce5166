import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request as it came. */
export type Received = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it was sent: parsed, long numbers lose their digits. */
  readonly text: string;
  /** SHA-256 of the certificate that the client showed; null where it showed none. */
  readonly certificate: string | null;
};

export type FakeAnswer = {
  readonly status: number;
  /** A text is sent as it is, all else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** `hang`: never answers. */
export type FakeFault = FakeAnswer | 'hang';

/** A real server of loopback that keeps to a store's protocol, for tests: what it keeps and answers is the fake's own. */
export abstract class FakeService<Request> {
  readonly requests: Request[] = [];
  /** Answers in place of the server where it returns something. */
  fault: ((request: Request) => FakeFault | null) | null = null;
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';

  /** Without an identity: plain http. */
  constructor(tls?: ServerOptions) {
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#server =
      tls === undefined
        ? process.getBuiltinModule('node:http').createServer(listener)
        : process.getBuiltinModule('node:https').createServer({ ...tls }, listener);
  }

  /** What the fake sees in a request. */
  protected abstract read(received: Received): Request;

  protected abstract answer(request: Request): FakeAnswer;

  /** Headers that every answer bears. */
  protected abstract headers(): Readonly<Record<string, string>>;

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = this.read(await receive(incoming));
    this.requests.push(request);
    const answer = this.fault?.(request) ?? this.answer(request);
    if (answer === 'hang') return;
    response.writeHead(answer.status, { ...this.headers(), ...answer.headers }).end(textOf(answer.body));
  }
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
  const shown = (
    incoming.socket as { getPeerCertificate?: () => { fingerprint256?: string } }
  ).getPeerCertificate?.();
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: Object.fromEntries(headers),
    text: Buffer.concat(chunks).toString('utf8'),
    certificate: shown?.fingerprint256 ?? null,
  };
}

function textOf(body: unknown): string {
  if (typeof body === 'string') return body;
  return body === undefined ? '' : JSON.stringify(body);
}
