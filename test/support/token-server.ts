import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type Settings = {
  /** From a request to its answer, ms. */
  readonly latencyMs: number;
  /** How long a refresh token that was rotated is answered again as it was, ms. */
  readonly graceMs: number;
  readonly accessLifeSeconds: number;
};

/** What the server did since it began. */
export type Stats = { requests: number; refreshed: number; replayed: number; refused: number };

/** What the server holds of a grant. */
export type Standing = { readonly name: string; readonly current: string; readonly dead: boolean };

/** The first refresh token of the grant of this name. */
export const firstToken = (name: string): string => `rt-${name}-0`;

export type TokenServer = AsyncDisposable & {
  readonly url: string;
  stats(): Promise<Stats>;
  grants(): Promise<readonly Standing[]>;
};

/** A token endpoint with refresh-token rotation, in a process of its own, over HTTP on loopback. */
export async function startTokenServer(settings: Settings): Promise<TokenServer> {
  const file = fileURLToPath(new URL('./token-server-process.ts', import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const url = `http://127.0.0.1:${Number(port.toString())}`;
  const read = async (path: string) => (await fetch(`${url}${path}`)).json();
  return {
    url,
    stats: async () => (await read('/stats')) as Stats,
    grants: async () => (await read('/grants')) as Standing[],
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
