import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';

export type NativeOptions = {
  readonly lookup: LookupFunction;
  /** For a connection to come about, ms. */
  readonly timeout: number;
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
  /** At most so many at a time to one service. */
  readonly connections: number;
  /** How long an idle connection is kept, ms. */
  readonly keepAliveTimeout: number;
};

/**
 * Node's own client in the place of undici's, for a process that shall stay small: undici's compiles its parser from
 * WebAssembly at run time, which costs 10 MB more where Node's server is loaded anyway. It knows no proxy.
 */
export class NativeDispatcher implements Pick<Dispatcher, 'dispatch'> {
  readonly #options: NativeOptions;
  readonly #agents = new Map<string, Agent>();
  readonly #running = new Set<ClientRequest>();
  readonly #waiting: Array<() => void> = [];
  #open = 0;

  constructor(options: NativeOptions) {
    this.#options = options;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const send = () => {
      try {
        this.#send(options, handler);
      } catch (error) {
        handler.onResponseError?.(null as never, error as Error);
        this.#ended();
      }
    };
    if (this.#open === this.#options.connections) this.#waiting.push(send);
    else {
      this.#open += 1;
      // In the turn between, a connection that its server has closed is found out.
      setImmediate(send);
    }
    return true;
  }

  async destroy(): Promise<void> {
    const closed = Object.assign(new Error('closed'), { code: 'UND_ERR_DESTROYED' });
    for (const outgoing of this.#running) outgoing.destroy(closed);
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const { origin, path, method, headers, body } = options;
    const { protocol, hostname, port } = new URL(String(origin));
    const { request } = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
    const outgoing = request({
      agent: this.#agentOf(protocol),
      protocol,
      host: hostname.replace(/^\[|\]$/g, ''),
      ...(port === '' ? {} : { port: Number(port) }),
      method,
      path,
      headers: headers as Record<string, string>,
    });
    this.#running.add(outgoing);
    hand(outgoing, handler, {
      // A kept connection may be closed at the moment of its use; only what may be done twice is (RFC 9110, 9.2.2).
      again: method === 'POST' || method === 'PATCH' ? null : () => this.#send(options, handler),
      ended: (over) => {
        this.#running.delete(outgoing);
        if (over) this.#ended();
      },
    });
    outgoing.end(body as string | Uint8Array | null);
  }

  #ended(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#open -= 1;
    else setImmediate(next);
  }

  #agentOf(protocol: string): Agent {
    const known = this.#agents.get(protocol);
    if (known !== undefined) return known;
    const { connections: maxSockets, keepAliveTimeout: timeout } = this.#options;
    const { Agent: Kind } = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
    const agent: Agent = new Kind({ keepAlive: true, maxSockets, timeout });
    agent.createConnection = ((
      { host, port }: { host: string; port: number },
      made: (error: Error | null, socket?: Socket) => void,
    ) => connect({ protocol, host, port }, this.#options, made)) as Agent['createConnection'];
    this.#agents.set(protocol, agent);
    return agent;
  }
}

/** A socket is handed out once it is connected and, with TLS, its peer is known: nothing is written before. */
function connect(
  { protocol, host, port }: { readonly protocol: string; readonly host: string; readonly port: number },
  { lookup, timeout, secureContext, rejectUnauthorized }: NativeOptions,
  made: (error: Error | null, socket?: Socket) => void,
): undefined {
  const net = process.getBuiltinModule('node:net');
  const tls = process.getBuiltinModule('node:tls');
  const secure = protocol === 'https:';
  const socket = secure
    ? tls.connect({
        host,
        port,
        lookup,
        secureContext,
        rejectUnauthorized,
        ALPNProtocols: ['http/1.1'],
        ...(net.isIP(host) === 0 ? { servername: host } : {}),
      })
    : net.connect({ host, port, lookup });
  const late = Object.assign(new Error('late'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
  const timer = setTimeout(() => socket.destroy(late), timeout);
  const failed = (error: Error) => {
    clearTimeout(timer);
    made(error);
  };
  socket.once('error', failed);
  // What a socket says after that was told already, or is told by its request.
  socket.on('error', () => undefined);
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    clearTimeout(timer);
    socket.off('error', failed);
    socket.setNoDelay(true);
    made(null, socket);
  });
  return undefined;
}

type Fate = {
  /** Sends it once more; null: that must not be. */
  readonly again: (() => void) | null;
  /** The connection is free; `over`: and the request is not sent once more. */
  readonly ended: (over: boolean) => void;
};

/** Tells `handler` what becomes of a request, in the words of undici. */
function hand(outgoing: ClientRequest, handler: Dispatcher.DispatchHandler, { again, ended }: Fate): void {
  let answer: IncomingMessage | null = null;
  let over = false;
  let aborted = false;
  let repeated = false;
  const controller = {
    abort: (error: Error) => {
      aborted = true;
      outgoing.destroy(error);
    },
    pause: () => void answer?.pause(),
    resume: () => void answer?.resume(),
  } as unknown as Dispatcher.DispatchController;
  const end = (error: NodeJS.ErrnoException) => {
    if (over) return;
    over = true;
    repeated =
      again !== null && !aborted && answer === null && outgoing.reusedSocket && error.code === 'ECONNRESET';
    if (!repeated) handler.onResponseError?.(controller, error);
  };
  outgoing.once('socket', () => handler.onRequestStart?.(controller, {}));
  outgoing.on('error', end);
  outgoing.once('close', () => {
    end(new Error('closed'));
    ended(!repeated);
    if (repeated) again?.();
  });
  outgoing.once('response', (response) => {
    answer = response;
    response.on('data', (chunk: Buffer) => handler.onResponseData?.(controller, chunk));
    response.on('error', end);
    response.once('end', () => {
      if (over) return;
      over = true;
      handler.onResponseEnd?.(controller, {});
    });
    const headers = response.headersDistinct as Record<string, string[]>;
    handler.onResponseStart?.(controller, response.statusCode ?? 0, headers, response.statusMessage ?? '');
  });
}
