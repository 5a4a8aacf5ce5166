import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer } from './answer.ts';
import type { FaultBook, Service } from './faults.ts';
import { type Handler, json, type Listener, listen, readCall } from './http.ts';
import type { TlsMaterial } from './tls.ts';

/** What every listener of one sandbox shares. */
export type Ground = {
  readonly host: string;
  readonly now: () => number;
  readonly tls: TlsMaterial;
  readonly faults: FaultBook;
  /** Aborted when the sandbox closes. */
  readonly closing: AbortSignal;
};

/** Puts a handler on a port. Faults befall the requests of a `service`; null: none ever do. */
export function standIn(
  ground: Ground,
  options: {
    readonly service: Service | null;
    readonly port: number;
    readonly tls: boolean;
    readonly maxBytes: number;
    readonly handle: Handler;
  },
): Promise<Listener> {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request, options.maxBytes);
    if (call === null) return;
    response.setHeader('date', new Date(ground.now()).toUTCString());
    const fault =
      options.service === null ? null : ground.faults.take(options.service, call.method, call.path);
    await answer(fault, call, options.handle, {
      response,
      closing: ground.closing,
      released: ground.faults.released,
    });
  };
  return listen({
    host: ground.host,
    port: options.port,
    tls: options.tls ? ground.tls : null,
    onRequest: (request, response) => {
      serve(request, response).catch((error: unknown) => fail(response, error, ground.closing));
    },
  });
}

/** A defect of the sandbox's own must be seen as one, not taken for a fault that was asked for. */
function fail(response: ServerResponse, error: unknown, closing: AbortSignal): void {
  if (closing.aborted || response.headersSent) {
    response.destroy();
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  const reply = json(500, { error: { code: 'sandbox_defect', message }, request_id: 'req_defect' });
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}
