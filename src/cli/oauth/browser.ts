import { spawn } from 'node:child_process';

/** What opens an address where `$BROWSER` names nothing. */
const OPENERS: Readonly<Record<string, string>> = { linux: 'xdg-open', darwin: 'open' };

/**
 * The command that opens `url`: the first entry of `$BROWSER` (divided by colons; `%s` stands for the address), else the
 * system's own. Null where there is none, and for anything but an http(s) URL.
 *
 * @example browserCommand('https://x/', { BROWSER: 'firefox --new-tab' }, 'linux') // ['firefox', '--new-tab', 'https://x/']
 */
export function browserCommand(
  url: string,
  { BROWSER = '' }: Readonly<Record<string, string | undefined>>,
  platform: string,
): readonly [string, ...string[]] | null {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null;
  const [first = ''] = BROWSER.split(':');
  const [program = OPENERS[platform], ...args] = first.split(' ').filter((word) => word !== '');
  if (program === undefined) return null;
  const placed = args.map((word) => word.replaceAll('%s', () => parsed.href));
  return [program, ...placed, ...(first.includes('%s') ? [] : [parsed.href])];
}

/** Opens the address, without a shell; true where the program could be started. */
export function openBrowser(url: string): Promise<boolean> {
  const command = browserCommand(url, process.env, process.platform);
  if (command === null) return Promise.resolve(false);
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', detached: true, shell: false });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
