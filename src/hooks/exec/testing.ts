import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** One process that called in: what it said, and when its connection ends, which is when the process does. */
export type Call = { readonly said: string; readonly gone: Promise<unknown> };

/** Where commands call in, so that a test sees them begin, end and leave others behind. */
export type Calls = AsyncDisposable & {
  readonly port: string;
  /** The next one, in the order in which they first said something. */
  next(): Promise<Call>;
};

/** JavaScript for `node -e` that calls in, says `said` (an expression) and stays until it is killed. */
export const callIn = (said: string) =>
  `require('node:net').connect(process.argv[1], '127.0.0.1', function () { this.write(${said}); })`;

/** JavaScript for `node -e` that calls in, says `said` (an expression) and ends. */
export const callInAndEnd = (said: string) =>
  `require('node:net').connect(process.argv[1], '127.0.0.1', function () { this.end(${said}); })`;

export async function takeCalls(): Promise<Calls> {
  const arrived: Call[] = [];
  const waiting: Array<(call: Call) => void> = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    const gone = once(socket, 'close');
    socket.once('data', (chunk: Buffer) => {
      const call = { said: chunk.toString(), gone };
      const taker = waiting.shift();
      if (taker === undefined) arrived.push(call);
      else taker(call);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: String((server.address() as AddressInfo).port),
    next() {
      const call = arrived.shift();
      return call === undefined
        ? new Promise((resolve) => void waiting.push(resolve))
        : Promise.resolve(call);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
