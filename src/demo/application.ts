import { readFileSync, statSync } from 'node:fs';
import type { Agent, IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

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

type Answer = { readonly status: number; readonly keyId: string; readonly body: string };

const DEADLINE = 5_000;

class Application {
  readonly #assignment: Assignment;
  readonly #agent: Agent;
  #file = '';
  #identity = '';
  readonly #keyIds = new Map<string, string>();
  #calls = 0;
  #failures = 0;
  #going = true;

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
    const { Agent } = process.getBuiltinModule('node:https');
    this.#agent = new Agent({ keepAlive: true, ca: readFileSync(assignment.caFile) });
  }

  stop(): void {
    this.#going = false;
  }

  async run(): Promise<void> {
    const { variables, everyMs } = this.#assignment;
    let next = performance.now();
    for (let turn = 0; this.#going; turn += 1) {
      await this.#use(variables[turn % variables.length] ?? '');
      tell({ type: 'tally', calls: this.#calls, failures: this.#failures });
      next = Math.max(next + everyMs, performance.now());
      await delay(Math.max(0, next - performance.now()));
    }
  }

  async #use(variable: string): Promise<void> {
    this.#calls += 1;
    const reason = await this.#call(variable).then(
      (answer) => this.#fault(variable, answer),
      (error: Error & { code?: string }) => error.code ?? error.message,
    );
    if (reason === null) return;
    this.#failures += 1;
    tell({ type: 'failure', variable, reason });
  }

  #fault(variable: string, { status, keyId, body }: Answer): string | null {
    if (status !== 200) return `${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim();
    if (this.#keyIds.get(variable) !== keyId) tell({ type: 'key', variable, keyId });
    this.#keyIds.set(variable, keyId);
    return null;
  }

  /** A kept connection may be closed by the other side at the moment it is used again: such a call is made once more. */
  async #call(variable: string): Promise<Answer> {
    const key = this.#key(variable);
    try {
      return await this.#send(key);
    } catch (error) {
      if (!(error instanceof ReusedSocketError)) throw error;
      return this.#send(key);
    }
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

  #send(key: string): Promise<Answer> {
    const { request } = process.getBuiltinModule('node:https');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const call = request(`${this.#assignment.url}/v1/assets/search?q=sunrise`, {
      agent: this.#agent,
      headers: { authorization: `Bearer ${key}`, 'user-agent': 'footage-app/1.0' },
      timeout: DEADLINE,
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${DEADLINE / 1_000} s`)));
    call.on('error', (error: Error & { code?: string }) => {
      reject(call.reusedSocket && error.code === 'ECONNRESET' ? new ReusedSocketError() : error);
    });
    call.on('response', (response) => void read(response).then(resolve, reject));
    call.end();
    return promise;
  }
}

class ReusedSocketError extends Error {}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    keyId: String(response.headers['x-key-id'] ?? ''),
    body: Buffer.concat(chunks).toString(),
  };
}

function tell(report: Report): void {
  if (process.connected) process.send?.(report);
}

/** Runs until its parent says `stop` or is gone. A Ctrl-C on the terminal reaches it too and is its parent's affair. */
async function main(assignment: Assignment): Promise<void> {
  const application = new Application(assignment);
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', () => application.stop());
  await application.run();
  process.disconnect?.();
}

if (process.argv[2] === ROLE && process.connected) void main(JSON.parse(process.argv[3] ?? '') as Assignment);
