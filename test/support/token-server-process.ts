/*
 * A token endpoint and nothing else, in a process of its own: `node token-server-process.ts '{"latencyMs":200,"graceMs":0}'`
 * prints its port and serves until its standard input ends. It rotates refresh tokens at every refresh; a token that was
 * rotated longer ago than the grace revokes its grant. The grant `N` begins with the refresh token `rt-N-0`, whatever N is.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Settings, Standing, Stats } from './token-server.ts';

type Issued = { readonly access: string; readonly refresh: string };
type Known = {
  /** The refresh token that works. */
  current: string;
  /** The one before, when it was replaced, and by what. */
  previous: { readonly token: string; readonly at: number; readonly answer: Issued } | null;
  dead: boolean;
};

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
const grants = new Map<string, Known>();
const stats: Stats = { requests: 0, refreshed: 0, replayed: 0, refused: 0 };

// A kill of the client cuts its connections: that is no fault of the server.
const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy());
});
server.on('clientError', (_, socket) => socket.destroy());
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/stats') return answer(response, 200, stats);
  if (request.url === '/grants') return answer(response, 200, standings());
  const body = new URLSearchParams(await textOf(request));
  stats.requests += 1;
  // What a request does is done when it arrives; only its answer takes its time.
  const [status, content] = refresh(body.get('refresh_token') ?? '');
  setTimeout(() => answer(response, status, content), settings.latencyMs);
}

function refresh(token: string): readonly [number, object] {
  const name = /^rt-(.+)-[^-]+$/.exec(token)?.[1];
  if (name === undefined) return refused();
  const known = grants.get(name) ?? { current: `rt-${name}-0`, previous: null, dead: false };
  grants.set(name, known);
  if (known.dead) return refused();
  const now = performance.now();
  if (token === known.previous?.token && now - known.previous.at < settings.graceMs) {
    stats.replayed += 1;
    return [200, bodyOf(known.previous.answer)];
  }
  if (token !== known.current) {
    known.dead = true;
    return refused();
  }
  const issued = { access: random(), refresh: `rt-${name}-${random().slice(0, 30)}` };
  known.previous = { token, at: now, answer: issued };
  known.current = issued.refresh;
  stats.refreshed += 1;
  return [200, bodyOf(issued)];
}

function refused(): readonly [number, object] {
  stats.refused += 1;
  return [400, { error: 'invalid_grant' }];
}

function bodyOf({ access, refresh: token }: Issued): object {
  const expires_in = settings.accessLifeSeconds;
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in,
    refresh_token: token,
    scope: 'asset:download',
  };
}

function standings(): Standing[] {
  return [...grants].map(([name, { current, dead }]) => ({ name, current, dead }));
}

function random(): string {
  return randomBytes(20).toString('hex');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function answer(response: ServerResponse, status: number, content: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(content));
}
