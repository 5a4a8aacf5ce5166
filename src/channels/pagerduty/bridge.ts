import type { IncomingMessage } from 'node:http';
import type { Agent } from 'node:https';

/** A request as the client wrote it. */
export type Bridged = { readonly path: string; readonly contentType: string; readonly body: Buffer };

/**
 * An agent for a client that takes no `fetch`: its connections end inside this process, where each request is handed
 * to `send`. So whatever the client would do with host, redirects, trust or time, the connection's rules hold.
 * What `send` answers, the client reads as an answer of 202; null cuts the connection.
 */
export function bridge(send: (request: Bridged) => Promise<Buffer | null>): Agent {
  const { createServer } = process.getBuiltinModule('node:http');
  const https = process.getBuiltinModule('node:https');
  const { duplexPair } = process.getBuiltinModule('node:stream');
  const server = createServer(async (request, response) => {
    const answer = await read(request)
      .then(send)
      .catch(() => null);
    if (answer === null) {
      response.destroy();
      return;
    }
    response.writeHead(202, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
  const agent = new https.Agent({ keepAlive: false });
  agent.createConnection = () => {
    const [near, far] = duplexPair();
    server.emit('connection', far);
    return near;
  };
  return agent;
}

async function read(request: IncomingMessage): Promise<Bridged> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    path: request.url ?? '/',
    contentType: request.headers['content-type'] ?? 'application/json',
    body: Buffer.concat(chunks),
  };
}
