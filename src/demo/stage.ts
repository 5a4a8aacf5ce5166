import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Daemon, startDaemon } from '../cli/daemon.ts';
import { loadConfig } from '../config/index.ts';
import { DAY } from '../model/index.ts';
import { type Sandbox, startSandbox } from '../sandbox/index.ts';
import { createLog } from '../telemetry/log.ts';
import { type GearedClock, gearedClock } from './clock.ts';
import {
  APPLICATION_FILE,
  accessLife,
  CALLBACK,
  CAST,
  CLIENT,
  configuration,
  FILES,
  handWritten,
  OVERLAP,
  REQUESTS_PER_MINUTE,
  stretchAt,
} from './configuration.ts';

/** All that runs in this process, and where it lies. */
export type Stage = {
  /** At the wall's pace until it is shifted. */
  readonly clock: GearedClock;
  /** When the demonstration began, by its clock. */
  readonly start: number;
  readonly sandbox: Sandbox;
  readonly daemon: Daemon;
  readonly directory: string;
  readonly configFile: string;
  readonly logFile: string;
  /** Ends all of it and removes the folder. */
  close(): Promise<void>;
};

export type StageOptions = {
  readonly speed: number;
  readonly port: number;
  /** Called between the sandbox's start and the daemon's: the application is there before Keywarden is. */
  readonly before: (sandbox: Sandbox, directory: string) => Promise<void>;
  /** Warnings and errors of the daemon's log. */
  readonly warned: (message: string) => void;
};

/** Of a refresh token, in days. */
const REFRESH_LIFE = 90;

/**
 * Starts sandbox and daemon on one clock, in a temporary folder of their own.
 * @throws {KeywardenError} what the daemon throws (`port_taken`, …); nothing is left behind
 */
export async function setStage(options: StageOptions): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const directory = await temporaryFolder(opened);
  const start = Date.now();
  const clock = gearedClock(start);
  const stretch = stretchAt(options.speed);
  const { life, leeway } = accessLife(options.speed);
  const sandbox = await startSandbox({
    now: () => clock.now(),
    overlapMs: OVERLAP * stretch * DAY,
    tier: { requestsPerMinute: REQUESTS_PER_MINUTE },
    firstKeys: CAST.map(({ name, age }) => ({ name, createdAt: start - age * stretch * DAY })),
    oauth: {
      clients: [
        { clientId: CLIENT, secret: randomBytes(30).toString('base64url'), redirectUris: [CALLBACK] },
      ],
      consent: 'automatic',
      accessLifetimeMs: life,
      accessLeewayMs: leeway,
      refreshLifetimeMs: REFRESH_LIFE * stretch * DAY,
    },
  });
  opened.defer(() => sandbox.close());
  await writeFiles(directory, sandbox);
  await options.before(sandbox, directory);

  const configFile = join(directory, 'keywarden.yaml');
  const writeConfig = (listen: string) =>
    writeFile(configFile, configuration(sandbox, { start, speed: options.speed }, listen));
  await writeConfig(`127.0.0.1:${options.port}`);
  const { config } = await loadConfig({ files: [configFile], env: {}, cwd: directory });
  const logFile = join(directory, 'keywarden.log');
  const log = openSync(logFile, 'a', 0o600);
  opened.defer(() => closeSync(log));
  const daemon = await startDaemon(
    config,
    clock,
    createLog(
      { level: 'info', format: 'json', now: () => clock.now() },
      { write: (line) => note(log, line, options.warned) },
    ),
  );
  opened.defer(() => daemon.stop());
  // For the commands of another terminal: they look up the port here.
  await writeConfig(new URL(daemon.api.address).host);

  const kept = opened.move();
  return { clock, start, sandbox, daemon, directory, configFile, logFile, close: () => kept.disposeAsync() };
}

/** Removed with the stage, and also where the process is ended before that. */
async function temporaryFolder(opened: AsyncDisposableStack): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'keywarden-demo-')));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  opened.defer(() => {
    process.off('exit', remove);
    remove();
  });
  return directory;
}

async function writeFiles(directory: string, sandbox: Sandbox): Promise<void> {
  const { environment, slack, pagerduty, ca } = sandbox;
  const keys = new Map(sandbox.frameflow.keys().map(({ name, value }) => [name ?? '', value]));
  const contents: Readonly<Record<string, string | undefined>> = {
    [FILES.ca]: ca,
    [FILES.masterKey]: environment.KEYWARDEN_MASTER_KEY,
    [FILES.adminToken]: randomBytes(30).toString('base64url'),
    [FILES.appToken]: randomBytes(30).toString('base64url'),
    [FILES.clientSecret]: environment.CLIENT_SECRET,
    [FILES.slackWebhook]: slack.webhookUrl,
    [FILES.pagerdutyKey]: pagerduty.routingKey,
    [APPLICATION_FILE]: handWritten(keys),
  };
  const folders = [...Object.keys(contents), 'state/.', ...CAST.flatMap(({ files }) => files)].map(dirname);
  for (const folder of new Set(folders)) {
    await mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
  }
  for (const [name, content = ''] of Object.entries(contents)) {
    await writeFile(join(directory, name), content, { mode: 0o600 });
  }
}

function note(log: number, line: string, warned: StageOptions['warned']): void {
  writeSync(log, line);
  const { level, msg } = JSON.parse(line) as { readonly level: string; readonly msg?: string };
  if (level === 'warn' || level === 'error') warned(msg ?? line.trim());
}
