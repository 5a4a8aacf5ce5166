import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CA_FILE, printConfig, type Sandbox, startSandbox } from '../sandbox/index.ts';
import { CommandError, EXIT } from './exit.ts';
import { stopSignals } from './signals.ts';
import { print, tell } from './terminal.ts';

export type SandboxCommandOptions = {
  readonly printConfig?: boolean;
  readonly directory?: string;
  readonly port?: number;
};

const CONFIG_FILE = 'keywarden.yaml';

/** What a configuration of ours begins with; anything else of that name is somebody's. */
const HEAD = '# Keywarden against the sandbox.';

/** The stand-ins, until a signal ends them. A folder that was not asked for goes with them. */
export async function sandbox(options: SandboxCommandOptions): Promise<number> {
  process.umask(0o077);
  const signals = stopSignals(() => process.exit(EXIT.failed));
  const directory = await folderFor(options.directory);
  try {
    const running = await start(options.port);
    const config = printConfig(running, { directory });
    await writeFile(join(directory, CA_FILE), running.ca, { mode: 0o600 });
    await writeFile(join(directory, CONFIG_FILE), config, { mode: 0o600 });
    print(options.printConfig ? config.trimEnd() : exportsOf(running));
    tell(guide(running, join(directory, CONFIG_FILE)));
    if (existsSync(join(directory, 'state')))
      tell(`Remove ${join(directory, 'state')} first: its master key ended with the sandbox that made it.`);
    await signals.first;
    await running.close();
  } finally {
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  }
  return EXIT.done;
}

async function folderFor(asked: string | undefined): Promise<string> {
  if (asked === undefined) return mkdtemp(join(tmpdir(), 'keywarden-sandbox-'));
  const directory = resolve(asked);
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      EXIT.failed,
      `${directory} cannot be made (${error.code}); name another --directory`,
    );
  });
  const present = await readFile(join(directory, CONFIG_FILE), 'utf8').catch(() => null);
  if (present === null || present.startsWith(HEAD)) return directory;
  throw new CommandError(
    EXIT.failed,
    `${join(directory, CONFIG_FILE)} is not the sandbox's and is not overwritten; name another --directory`,
  );
}

async function start(port: number | undefined): Promise<Sandbox> {
  const names = ['frameflow', 'plaintext', 'stockflow', 'slack', 'pagerduty', 'admin'];
  const ports =
    port === undefined ? {} : Object.fromEntries(names.map((name, index) => [name, port + index]));
  try {
    return await startSandbox({ ports });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    throw new CommandError(
      EXIT.failed,
      `a port from ${port} to ${(port ?? 0) + names.length - 1} cannot be used (${code}); name another --port`,
    );
  }
}

function exportsOf({ environment }: Sandbox): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}='${value}'`)
    .join('\n');
}

function guide({ frameflow, stockflow, slack, pagerduty, adminUrl }: Sandbox, config: string): string {
  return [
    `FrameFlow ${frameflow.url} (plaintext, refused: ${frameflow.plaintextUrl}), StockFlow ${stockflow.url},`,
    `Slack ${new URL(slack.webhookUrl).origin}, PagerDuty ${pagerduty.url}, admin ${adminUrl}`,
    'Everything here is development data and ends with Ctrl-C. In another shell, with the exports above:',
    `  keywarden run --config ${config}`,
  ].join('\n');
}
