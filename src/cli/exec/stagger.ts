import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CommandError, EXIT } from '../exit.ts';

export type StaggerOptions = {
  /** Ms from one slot to the next. */
  readonly spacing: number;
  /** The credentials of the command: replicas share them all. */
  readonly names: readonly string[];
  /** Where the replicas meet. */
  readonly directory: string | undefined;
};

/**
 * Slots for the replicas of one command on one host: time is divided into slots of one length, and a file, made where there
 * is none, takes a slot. So no two replicas that meet in the same directory begin in the same slot, and their beginnings
 * lie at least one slot apart by the machine's clock; n of them are through after n slots. Nothing is held meanwhile: what a
 * replica that died leaves behind is one unused slot.
 *
 * @example
 * const slots = new Slots({ spacing: 30_000, names: ['frameflow-prod'], directory: undefined });
 * await until(slots.take(Date.now()));
 */
export class Slots {
  readonly #folder: string;
  readonly #spacing: number;

  /** @throws {CommandError} `usage` where the directory cannot be used */
  constructor({ spacing, names, directory }: StaggerOptions) {
    this.#spacing = spacing;
    const group = createHash('sha256')
      .update(JSON.stringify([spacing, names.toSorted()]))
      .digest('hex');
    this.#folder = join(directory === undefined ? ownDirectory() : resolve(directory), group.slice(0, 16));
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw unusable(this.#folder, error);
    }
  }

  /** Takes the first free slot after `now` and gives its time. @throws {Error} where no file can be made any more */
  take(now: number): number {
    const running = Math.floor(now / this.#spacing);
    this.#clear(running);
    for (let slot = running + 1; ; slot += 1) if (this.#make(slot)) return slot * this.#spacing;
  }

  /** Slots that are over are nobody's. */
  #clear(running: number): void {
    for (const name of readdirSync(this.#folder)) {
      if (/^\d+$/.test(name) && Number(name) < running) rmSync(join(this.#folder, name), { force: true });
    }
  }

  #make(slot: number): boolean {
    try {
      writeFileSync(join(this.#folder, String(slot)), '', { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  }
}

/** A folder that only this user may write. @throws {CommandError} `usage` */
function ownDirectory(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (runtime !== undefined && runtime !== '') return join(runtime, 'keywarden-exec');
  const uid = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `keywarden-exec-${uid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (found.isDirectory() && found.uid === uid) {
      if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
      return folder;
    }
  } catch (error) {
    throw unusable(folder, error);
  }
  throw new CommandError(EXIT.usage, `${folder} belongs to another user; give --stagger-directory`);
}

function unusable(folder: string, error: unknown): CommandError {
  return new CommandError(
    EXIT.usage,
    `${folder}, where the replicas meet, cannot be used (${codeOf(error)}); give --stagger-directory`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
}
