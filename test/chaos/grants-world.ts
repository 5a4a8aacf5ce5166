import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMasterKeys } from '../../src/cli/master-keys.ts';
import { type Config, loadConfig } from '../../src/config/index.ts';
import type { State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import { SpawnedDaemon } from '../support/spawned-daemon.ts';
import { type Settings, startTokenServer, type TokenServer } from '../support/token-server.ts';

export const CLIENT = 'footage-app';

/** An answer of the daemon's API; null where it gave none. */
export type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> } | null;

export type GrantsWorld = AsyncDisposable & {
  readonly server: TokenServer;
  readonly folder: string;
  /** @param program a bundle of the daemon; absent: its sources */
  start(program?: string): SpawnedDaemon;
  /** Where the daemon's API listens, and the token of its administrator. */
  readonly socket: string;
  readonly token: string;
  /** Asks the daemon's API as its administrator, over a connection of its own. */
  call(method: string, path: string, body?: object): Promise<Answer>;
  /** The state, while no daemon runs. */
  open(): Promise<State>;
  config(): Promise<Config>;
};

/** A token server, and a daemon with clients of it, on files in a folder of their own. */
export async function grantsWorld(
  settings: Settings,
  clients: readonly string[] = [CLIENT],
): Promise<GrantsWorld> {
  const server = await startTokenServer(settings);
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-grants-'));
  const configFile = join(folder, 'keywarden.yaml');
  const env = {
    MASTER_KEY: randomBytes(32).toString('base64'),
    SECRET: 'a-client-secret-7d',
    TOKEN: 'admin-6f',
  };
  const document = documentOf(folder, server.url, settings, clients);
  await writeFile(configFile, JSON.stringify(document), { mode: 0o600 });
  const socket = join(folder, 'api.sock');
  const config = async () => (await loadConfig({ files: [configFile], env, cwd: folder })).config;
  return {
    server,
    folder,
    start: (program) => new SpawnedDaemon({ folder, configFile, env }, program),
    socket,
    token: env.TOKEN,
    call: (method, path, body) => exchange(socket, { method, path, token: env.TOKEN, body }),
    config,
    open: async () => {
      const { state } = await config();
      const keys = await readMasterKeys(await config());
      return openSqlite({ file: state.database, keys, now: Date.now, owner: 'test' });
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function documentOf(
  folder: string,
  url: string,
  { graceMs, accessLifeSeconds }: Settings,
  clients: readonly string[],
): object {
  const client = {
    provider: 'server',
    clientId: 'footage',
    clientSecret: { env: 'SECRET' },
    redirectUri: 'http://127.0.0.1:9/oauth/callback',
    scopes: ['asset:download'],
    refresh: { before: `${Math.max(1, Math.floor(accessLifeSeconds / 4))}s` },
    refreshGrace: `${graceMs}ms`,
  };
  return {
    version: 1,
    installation: { name: 'footage', environment: 'production' },
    state: { directory: join(folder, 'state'), encryptionKeys: [{ env: 'MASTER_KEY' }] },
    providers: {
      server: {
        kind: 'oauth2',
        authorizationEndpoint: `${url}/authorize`,
        tokenEndpoint: `${url}/token`,
        requestsPerMinute: 1_000_000,
        allowPlaintextLoopback: true,
        timeout: '5s',
      },
    },
    oauthClients: Object.fromEntries(clients.map((name) => [name, client])),
    api: {
      listen: 'unix:./api.sock',
      tokens: { ops: { role: 'admin', secret: { env: 'TOKEN' } } },
    },
  };
}

type Exchange = {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body: object | undefined;
};

/** Null where the connection ended before an answer: the daemon was killed, or is not up yet. */
async function exchange(socketPath: string, { method, path, token, body }: Exchange): Promise<Answer> {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const outgoing = request({ socketPath, host: 'localhost', method, path, headers, agent: false });
  outgoing.end(sent);
  try {
    const [response] = await once(outgoing, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    return { status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) };
  } catch {
    return null;
  }
}
