import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, Calls, reasonOf } from './calls.ts';
import { type Program, runAsChild, tell } from './child.ts';

/*
 * The demonstration's other application: a process of its own that acts in the name of its users. It asks them for their
 * consent by Keywarden's API, hosts the callback itself, takes an access token from Keywarden before every call and never
 * sees a refresh token.
 */

/** What its process is started with: this file, the role, the assignment as JSON. */
export const USERS_PROGRAM = fileURLToPath(import.meta.url);
export const USERS_ROLE = 'keywarden-demo-users';

export type UsersAssignment = {
  /** FrameFlow. */
  readonly url: string;
  readonly caFile: string;
  /** Keywarden's API, and the file that holds the application's token for it. */
  readonly api: string;
  readonly tokenFile: string;
  /** The OAuth client's name. */
  readonly client: string;
  /** In the order in which they consent. */
  readonly subjects: readonly string[];
  /** How far apart calls begin, ms. */
  readonly everyMs: number;
};

/** What it tells its parent. */
export type UsersReport =
  | { readonly type: 'tally'; readonly calls: number; readonly failures: number }
  /** The user has consented. */
  | { readonly type: 'consented'; readonly subject: string; readonly scope: string }
  /** Nobody is asked any more: everyone has consented, or it failed. */
  | { readonly type: 'begun' }
  /** The first call with another access token was accepted; a renewal unless it is the first. */
  | { readonly type: 'token'; readonly subject: string; readonly version: number }
  /** Keywarden says that the user is needed; no further call is made in this name. */
  | { readonly type: 'ended'; readonly subject: string; readonly reason: string }
  | { readonly type: 'failure'; readonly subject: string; readonly reason: string };

type Token = { readonly accessToken: string; readonly version: number };

/** The user must consent anew. */
class ConsentRequiredError extends Error {}

class UserApplication implements Program {
  readonly #assignment: UsersAssignment;
  readonly #calls: Calls;
  readonly #token: string;
  /** Users in whose name it acts, with the version of the token that was accepted last. */
  readonly #users = new Map<string, number>();
  #made = 0;
  #failures = 0;
  #going = true;

  constructor(assignment: UsersAssignment) {
    this.#assignment = assignment;
    this.#calls = new Calls(readFileSync(assignment.caFile, 'utf8'));
    this.#token = readFileSync(assignment.tokenFile, 'utf8').trim();
  }

  stop(): void {
    this.#going = false;
  }

  async run(): Promise<void> {
    for (const subject of this.#assignment.subjects)
      await this.#attempt(subject, () => this.#connect(subject));
    say({ type: 'begun' });
    let next = performance.now();
    for (let turn = 0; this.#going; turn += 1) {
      const users = [...this.#users.keys()];
      const subject = users[turn % users.length];
      if (subject !== undefined) {
        this.#made += 1;
        await this.#attempt(subject, () => this.#use(subject));
        say({ type: 'tally', calls: this.#made, failures: this.#failures });
      }
      next = Math.max(next + this.#assignment.everyMs, performance.now());
      await delay(Math.max(0, next - performance.now()));
    }
  }

  async #attempt(subject: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const reason = error instanceof Error ? reasonOf(error) : String(error);
      if (error instanceof ConsentRequiredError) {
        this.#users.delete(subject);
        return say({ type: 'ended', subject, reason });
      }
      this.#failures += 1;
      say({ type: 'failure', subject, reason });
    }
  }

  /** A consent, with this application as the one who hosts the callback. */
  async #connect(subject: string): Promise<void> {
    const { client } = this.#assignment;
    const path = `/v1/oauth/${client}/authorizations`;
    const begun = await this.#ask(path, { subject });
    const { id, authorizeUrl } = JSON.parse(begun.body) as { id: string; authorizeUrl: string };
    // The user's browser: FrameFlow's stand-in approves by itself and sends it back here.
    const approved = await this.#calls.make(authorizeUrl);
    const returned = URL.parse(approved.headers.location ?? '')?.searchParams;
    if (!returned?.has('code')) throw new Error(`FrameFlow gave no code (${approved.status})`);
    const completed = await this.#ask(`${path}/${id}/complete`, Object.fromEntries(returned));
    const { scope } = JSON.parse(completed.body) as { scope: string };
    this.#users.set(subject, 0);
    say({ type: 'consented', subject, scope });
  }

  /** Does something in the user's name. A token that FrameFlow refuses is told to Keywarden before it counts as a failure. */
  async #use(subject: string): Promise<void> {
    const { accessToken, version } = await this.#tokenOf(subject);
    const { status, body } = await this.#calls.make(
      `${this.#assignment.url}/v1/assets/clip_4k_0001/download`,
      {
        headers: { authorization: `Bearer ${accessToken}`, 'user-agent': 'footage-app/1.0' },
      },
    );
    if (status === 401) await this.#tokenOf(subject, version);
    if (status !== 200) throw new Error(`FrameFlow: ${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`);
    if (this.#users.get(subject) !== version) say({ type: 'token', subject, version });
    this.#users.set(subject, version);
  }

  async #tokenOf(subject: string, rejected?: number): Promise<Token> {
    const path = `/v1/oauth/${this.#assignment.client}/grants/${encodeURIComponent(subject)}/access-token`;
    const answer = await this.#ask(rejected === undefined ? path : `${path}?rejected=${rejected}`);
    return JSON.parse(answer.body) as Token;
  }

  /** @throws {ConsentRequiredError} and what else Keywarden's API refuses */
  async #ask(path: string, body?: object): Promise<Answer> {
    const answer = await this.#calls.make(`${this.#assignment.api}${path}`, {
      headers: { authorization: `Bearer ${this.#token}` },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    if (answer.status < 300) return answer;
    const { type, detail } = problemIn(answer.body);
    if (answer.status === 409 && type.endsWith('consent-required')) throw new ConsentRequiredError(detail);
    throw new Error(`Keywarden: ${answer.status} ${detail}`);
  }
}

function problemIn(body: string): { readonly type: string; readonly detail: string } {
  try {
    const { type, detail } = JSON.parse(body) as { type?: unknown; detail?: unknown };
    return { type: String(type ?? ''), detail: String(detail ?? '') };
  } catch {
    return { type: '', detail: 'no problem document' };
  }
}

function say(report: UsersReport): void {
  tell(report);
}

runAsChild(USERS_ROLE, (assignment: UsersAssignment) => new UserApplication(assignment));
