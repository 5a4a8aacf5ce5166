import { readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, Calls, reasonOf } from './calls.ts';
import { type Program, runAsChild, tell } from './child.ts';

/*
 * The demonstration's application: a process of its own that knows nothing of Keywarden. It reads its keys from a
 * dotenv file, looks whether that has changed before every call, and calls FrameFlow all the time.
 */

/** What its process is started with: this file, the role, the assignment as JSON. */
export const PROGRAM = fileURLToPath(import.meta.url);
export const ROLE = 'keywarden-demo-application';

export type Assignment = {
  readonly url: string;
  readonly caFile: string;
  readonly envFile: string;
  /** Whose keys are used in turn. */
  readonly variables: readonly string[];
  /** How far apart calls begin, ms. */
  readonly everyMs: number;
};

/** What it tells its parent. */
export type Report =
  | { readonly type: 'tally'; readonly calls: number; readonly failures: number }
  /** The first call with another key was accepted. */
  | { readonly type: 'key'; readonly variable: string; readonly keyId: string }
  | { readonly type: 'failure'; readonly variable: string; readonly reason: string };

class Application implements Program {
  readonly #assignment: Assignment;
  readonly #calls: Calls;
  #file = '';
  #identity = '';
  readonly #keyIds = new Map<string, string>();
  #made = 0;
  #failures = 0;
  #going = true;

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
    this.#calls = new Calls(readFileSync(assignment.caFile, 'utf8'));
  }

  stop(): void {
    this.#going = false;
  }

  async run(): Promise<void> {
    const { variables, everyMs } = this.#assignment;
    let next = performance.now();
    for (let turn = 0; this.#going; turn += 1) {
      await this.#use(variables[turn % variables.length] ?? '');
      say({ type: 'tally', calls: this.#made, failures: this.#failures });
      next = Math.max(next + everyMs, performance.now());
      await delay(Math.max(0, next - performance.now()));
    }
  }

  async #use(variable: string): Promise<void> {
    this.#made += 1;
    const reason = await this.#call(variable).then((answer) => this.#fault(variable, answer), reasonOf);
    if (reason === null) return;
    this.#failures += 1;
    say({ type: 'failure', variable, reason });
  }

  async #call(variable: string): Promise<Answer> {
    return this.#calls.make(`${this.#assignment.url}/v1/assets/search?q=sunrise`, {
      headers: { authorization: `Bearer ${this.#key(variable)}`, 'user-agent': 'footage-app/1.0' },
    });
  }

  #fault(variable: string, { status, headers, body }: Answer): string | null {
    const keyId = String(headers['x-key-id'] ?? '');
    if (status !== 200) return `${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim();
    if (this.#keyIds.get(variable) !== keyId) say({ type: 'key', variable, keyId });
    this.#keyIds.set(variable, keyId);
    return null;
  }

  #key(variable: string): string {
    const { envFile } = this.#assignment;
    const { ino, mtimeMs, size } = statSync(envFile);
    const identity = `${ino} ${mtimeMs} ${size}`;
    if (identity !== this.#identity) this.#file = readFileSync(envFile, 'utf8');
    this.#identity = identity;
    const value = new RegExp(`^${variable}=([^\\s#]+)`, 'm').exec(this.#file)?.[1];
    if (value === undefined) throw new Error(`${variable} is not in the file`);
    return value;
  }
}

function say(report: Report): void {
  tell(report);
}

runAsChild(ROLE, (assignment: Assignment) => new Application(assignment));
