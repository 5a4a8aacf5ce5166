import { spawn } from 'node:child_process';
import { once } from 'node:events';

type Options = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv };

/** As root of a namespace of its own, whose mounts end with it. */
const TRIAL = 'exec unshare -rm mount --bind "$0" "$0"';
const MOUNTED = `exec unshare -rm sh -c 'mount --bind "$0" "$0" && exec "$@"' "$0" "$@"`;
const BARE = 'exec "$@"';

/**
 * Runs Node with `args` where `file` is a mount point of its own, as a container has it; where this machine lets nobody
 * mount (`mounted` is false then), without that.
 */
export async function nodeWithMounted(
  file: string,
  args: readonly string[],
  options: Options = {},
): Promise<{ readonly mounted: boolean; readonly code: number | null; readonly stdout: string }> {
  const trial = spawn('sh', ['-c', TRIAL, file], { stdio: 'ignore' });
  const [status] = await once(trial, 'close');
  const mounted = status === 0;
  const child = spawn('sh', ['-c', mounted ? MOUNTED : BARE, file, process.execPath, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  return { mounted, code: code as number | null, stdout: Buffer.concat(chunks).toString() };
}
