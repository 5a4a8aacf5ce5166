import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/index.ts';
import { Secret } from '../../src/model/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import type { State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import type { Answer, Order } from './alerts-process.ts';
import { bundleOf } from './bundle.ts';

const SCRIPT = fileURLToPath(new URL('./alerts-process.ts', import.meta.url));

/** Slack and PagerDuty as local servers, and a folder with the configuration and the state of whoever tells them. */
export type AlertsBench = AsyncDisposable & {
  readonly sandbox: Sandbox;
  /** @param speed how many seconds pass for the daemon in one of ours */
  start(speed: number): AlertsDaemon;
  /** What it left; nobody runs. */
  open(): Promise<State>;
};

/** @param bundled whether the daemon runs as it is shipped, in one file */
export async function alertsBench({ bundled }: { readonly bundled: boolean }): Promise<AlertsBench> {
  const sandbox = await startSandbox();
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  await chmod(folder, 0o700);
  const file = join(folder, 'keywarden.yaml');
  await writeFile(join(folder, 'ca.pem'), sandbox.ca);
  await writeFile(file, JSON.stringify(documentOf(folder, sandbox)), { mode: 0o600 });
  const script = bundled ? await bundleOf({ process: SCRIPT }, join(folder, 'bundle')) : SCRIPT;
  const env = { ...process.env, ...sandbox.environment, NODE_COMPILE_CACHE: join(folder, 'compiled') };
  const origin = Date.now();
  return {
    sandbox,
    start: (speed) => new AlertsDaemon([script, file, String(speed), String(origin)], { cwd: folder, env }),
    async open() {
      const { config } = await loadConfig({ files: [file], env, cwd: folder });
      const master = Buffer.from(sandbox.environment.KEYWARDEN_MASTER_KEY ?? '', 'base64');
      const database = { file: config.state.database, keys: [Secret.from(master)] };
      return openSqlite({ ...database, now: Date.now, owner: 'bench' });
    },
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function documentOf(folder: string, { pagerduty }: Sandbox): object {
  const tls = { caFile: join(folder, 'ca.pem') };
  return {
    version: 1,
    installation: { name: 'bench', environment: 'production' },
    state: { directory: join(folder, 'state'), encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    alerts: {
      channels: {
        team: { kind: 'slack', webhookUrl: { env: 'SLACK_WEBHOOK_URL' }, tls },
        oncall: {
          kind: 'pagerduty',
          routingKey: { env: 'PAGERDUTY_ROUTING_KEY' },
          eventsUrl: pagerduty.url,
          tls,
        },
      },
      // What is told again because it lasts would pass for a repeat.
      group: { repeat: '1000d' },
    },
  };
}

/** As much as is kept of what a daemon complains of, characters. */
const KEPT = 5_000;

/** The process that delivers. */
export class AlertsDaemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #asked: Array<(depth: number) => void> = [];
  #ready = Promise.withResolvers<void>();
  #complaints = '';
  /** When each order's commit was asked for; those that were committed. */
  readonly committed = new Map<number, number>();

  constructor(args: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    this.#child = spawn(process.execPath, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    // Who writes to somebody who was killed.
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-KEPT);
    });
    if (this.#child.stdout !== null)
      createInterface(this.#child.stdout).on('line', (line) => this.#hear(line));
    this.#ready.promise.catch(() => undefined);
    void this.#ended.then(() => {
      this.#ready.reject(new Error(`the daemon ended before it was ready: ${this.#complaints}`));
      for (const tell of this.#asked.splice(0)) tell(Number.NaN);
    });
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get complaints(): string {
    return this.#complaints;
  }

  order(order: Exclude<Order, 'depth'>): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** How many messages it owes; NaN where it has ended. */
  depth(): Promise<number> {
    if (this.ended) return Promise.resolve(Number.NaN);
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#child.stdin?.write('"depth"\n');
    });
  }

  /** The most resident memory that it ever had, MiB. */
  peak(): number {
    const [, kib] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')) ?? [];
    return Number(kib) / 1_024;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends it as its supervisor would. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }

  #hear(line: string): void {
    const answer = JSON.parse(line) as Answer;
    if (answer === 'ready') this.#ready.resolve();
    else if ('depth' in answer) this.#asked.shift()?.(answer.depth);
    else this.committed.set(answer.committed, answer.from);
  }
}
