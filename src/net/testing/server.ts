import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureVersion } from 'node:tls';
import type { Issued } from '../../sandbox/tls.ts';

export type ServeOptions = {
  /** Absent: plain http. */
  readonly tls?: Issued & { readonly maxVersion?: SecureVersion };
};

export type Served = AsyncDisposable & {
  /** `https://localhost:PORT`, or http without TLS; no slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Cuts what is open and stops. */
  close(): Promise<void>;
};

/**
 * A real local server for tests, on a free port of loopback.
 *
 * @example
 * await using server = await serve((_request, response) => response.end('ok'), { tls: await ca.issue() });
 */
export async function serve(handler: RequestListener, options: ServeOptions = {}): Promise<Served> {
  const server = listen(handler, options);
  let accepted = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://localhost:${port}`,
    port,
    server,
    connections: () => accepted,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function listen(handler: RequestListener, { tls }: ServeOptions): Server {
  if (tls === undefined) return process.getBuiltinModule('node:http').createServer(handler);
  const { maxVersion, ...identity } = tls;
  // OpenSSL's default security level knows no version below 1.2.
  const old =
    maxVersion === undefined
      ? {}
      : { maxVersion, minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' };
  return process.getBuiltinModule('node:https').createServer({ ...identity, ...old }, handler);
}

/** A request's whole body as text. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
