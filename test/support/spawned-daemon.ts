import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from './world.ts';

/** What it runs: see there. */
export const DAEMON_PROCESS = fileURLToPath(new URL('./daemon-process.ts', import.meta.url));

/** As much as is kept of what a daemon says, characters. */
const KEPT = 20_000;

/** A daemon as a process of its own, on a world's configuration. */
export class SpawnedDaemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  /** @param program the daemon's own file, or a bundle of it */
  constructor(world: Pick<World, 'folder' | 'configFile' | 'env'>, program = DAEMON_PROCESS) {
    this.#child = spawn(process.execPath, [program, world.configFile], {
      cwd: world.folder,
      // All starts but the first need not compile what that one did.
      env: { ...process.env, ...world.env, NODE_COMPILE_CACHE: join(world.folder, 'compiled') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-KEPT);
      });
    }
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isReady(): boolean {
    return /^ready$/m.test(this.#said);
  }

  /** The end of what it logged, for a person. */
  get said(): string {
    return this.#said;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** As SIGTERM; its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    return this.#child.exitCode;
  }
}
