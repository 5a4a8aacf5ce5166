import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sandboxServices } from '../../../test/support/sandbox-services.ts';
import { CA_FILE, type Sandbox, startSandbox } from '../../sandbox/index.ts';
import { type CliOptions, cli, type Ended, type Running, start } from './cli.ts';

/** Secrets beside the sandbox's own; none of them may show anywhere. */
const PLANTED = {
  OPERATOR_TOKEN: 'planted-operator-token-W8kq3ZnVb5',
  READER_TOKEN: 'planted-reader-token-T2xd9RmHc7',
  APP_TOKEN: 'planted-app-token-L6vy4GpJs1',
} as const;

/** The sandbox, a folder with a configuration for it, and the environment that it needs. */
export type World = AsyncDisposable & {
  readonly sandbox: Sandbox;
  readonly directory: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** Every secret there is, minted ones included. */
  secrets(): readonly string[];
  /** Starts a command in the folder, with the configuration's environment. */
  start(args: readonly string[], options?: CliOptions): Running;
  cli(args: readonly string[], options?: CliOptions): Promise<Ended>;
  /** The daemon, once it is ready. */
  daemon(): Promise<Running>;
};

/** @param change what the test needs otherwise in the configuration */
export async function world(change: (text: string) => string = (text) => text): Promise<World> {
  const sandbox = await startSandbox({ firstKeys: [{}, {}] });
  // Short: the path of a socket has 107 bytes at most.
  const directory = await mkdtemp(join(tmpdir(), 'kw-'));
  const config = join(directory, 'keywarden.yaml');
  await writeFile(join(directory, CA_FILE), sandbox.ca);
  await writeFile(config, change(configuration(sandbox)), { mode: 0o600 });
  const [, second] = sandbox.frameflow.keys();
  const env = { ...sandbox.environment, ...PLANTED, SECOND_KEY: second?.value ?? '' };
  const running: Running[] = [];
  const launch = (args: readonly string[], options: CliOptions = {}) => {
    const command = start(args, { cwd: directory, ...options, env: { ...env, ...options.env } });
    running.push(command);
    return command;
  };
  return {
    sandbox,
    directory,
    config,
    env,
    secrets: () => [
      ...Object.values(env).filter((value) => !value.startsWith('https:')),
      new URL(sandbox.slack.webhookUrl).pathname,
      ...sandbox.frameflow.keys().map(({ value }) => value),
    ],
    start: launch,
    cli: (args, options) => cli(args, { cwd: directory, ...options, env: { ...env, ...options?.env } }),
    daemon: async () => {
      const daemon = launch(['run']);
      await daemon.line(/"msg":"ready"/);
      return daemon;
    },
    async [Symbol.asyncDispose]() {
      for (const { child, ended } of running) {
        child.kill('SIGKILL');
        await ended;
      }
      await sandbox.close();
      await rm(directory, { recursive: true });
    },
  };
}

function configuration(sandbox: Sandbox): string {
  const { providers, channels } = sandboxServices(sandbox);
  return `version: 1
installation: { name: test, environment: cli }
state: { directory: ./state, encryptionKeys: [{ env: KEYWARDEN_MASTER_KEY }] }
${providers}
credentials:
  frameflow-prod:
    provider: frameflow
    secret: { env: FRAMEFLOW_API_KEY }
    publish: [{ file: ./app.env, format: dotenv, variable: FRAMEFLOW_API_KEY }]
  frameflow-spare: { provider: frameflow, secret: { env: SECOND_KEY } }
monitors:
  log: { provider: frameflow, credential: frameflow-prod, geolocations: [DE] }
${channels}
api:
  listen: unix:./kw.sock
  tokens:
    ops: { role: admin, secret: { env: KEYWARDEN_ADMIN_TOKEN } }
    duty: { role: operator, secret: { env: OPERATOR_TOKEN } }
    board: { role: reader, secret: { env: READER_TOKEN } }
    shop: { role: app, secret: { env: APP_TOKEN }, credentials: [frameflow-prod] }
`;
}
