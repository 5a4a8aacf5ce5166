import type { UserGrant } from '../sandbox/index.ts';
import type { UsersProcess } from './application-process.ts';
import { pace } from './heading.ts';
import type { Screen } from './screen.ts';

export type UsersParts = {
  /** By the demonstration's clock. */
  readonly now: () => number;
  readonly screen: Pick<Screen, 'tell'>;
  readonly process: Pick<UsersProcess, 'news' | 'tally'>;
  /** All that users gave, by the provider's word. */
  readonly grants: () => readonly UserGrant[];
  /** Virtual seconds a second, once all users have consented. */
  readonly speed: number;
  /** All users were asked: called once. */
  readonly begun: () => void;
  /** A call failed; `what` says which and why. */
  readonly failed: (now: number, what: string) => void;
  /** The application is gone. */
  readonly lost: (now: number, reason: string) => void;
};

/** What became of the users' consents. */
export type UsersFigures = {
  readonly consented: number;
  /** How many took it back, and the application was told. */
  readonly ended: number;
  /** By the provider's own count. */
  readonly renewals: number;
  readonly calls: number;
  readonly failures: number;
};

/** Tells of the application that acts in its users' names. */
export class Users {
  readonly #parts: UsersParts;
  /** Users whose tokens were renewed, which is told once for each. */
  readonly #renewed = new Set<string>();
  /** The version of the token that each began with. */
  readonly #first = new Map<string, number>();
  #consented = 0;
  #ended = 0;
  #begun = false;

  constructor(parts: UsersParts) {
    this.#parts = parts;
  }

  figures(): UsersFigures {
    const { process, grants } = this.#parts;
    const { calls, failures } = process.tally();
    const renewals = grants().reduce((sum, { refreshes }) => sum + refreshes, 0);
    return { consented: this.#consented, ended: this.#ended, renewals, calls, failures };
  }

  /** Tells what is new. */
  follow(): void {
    const { screen, process, failed, lost } = this.#parts;
    const now = this.#parts.now();
    for (const news of process.news()) {
      switch (news.type) {
        case 'consented':
          this.#consented += 1;
          screen.tell(now, 'consent', `${news.subject} allows ${news.scope} at FrameFlow`, 'cyan');
          break;
        case 'begun':
          this.#begin(now);
          break;
        case 'token':
          this.#tellRenewal(now, news.subject, news.version);
          break;
        case 'ended':
          this.#end(now, news.subject, news.reason);
          break;
        case 'failure':
          failed(now, `the user ${news.subject}: ${news.reason}`);
          break;
        case 'lost':
          lost(now, news.reason);
          this.#begin(now);
      }
    }
  }

  /** Consents take real time, as people do; all that comes after them is fast. */
  #begin(now: number): void {
    const { screen, speed, begun } = this.#parts;
    if (this.#begun) return;
    this.#begun = true;
    if (speed !== 1) screen.tell(now, 'clock', `from here on ${pace(speed)}`);
    begun();
  }

  /** Only a user ends a consent; one that Keywarden gave up by itself was lost. */
  #end(now: number, subject: string, reason: string): void {
    const { grants, screen, failed } = this.#parts;
    const taken = grants().filter(({ revokedBecause }) => revokedBecause === 'by-user');
    if (this.#ended === taken.length) {
      failed(now, `the user ${subject}: ${reason}`);
      return;
    }
    this.#ended += 1;
    screen.tell(now, 'users', `Keywarden tells the application: ${subject} must consent again`);
  }

  #tellRenewal(now: number, subject: string, version: number): void {
    const first = this.#first.get(subject);
    if (first === undefined) this.#first.set(subject, version);
    if (first === undefined || this.#renewed.has(subject)) return;
    this.#renewed.add(subject);
    this.#parts.screen.tell(
      now,
      'renewal',
      `${subject} has a new access token and noticed nothing; further ones are only counted`,
    );
  }
}
