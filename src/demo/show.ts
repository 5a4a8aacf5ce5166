import type { AlertKind } from '../model/index.ts';
import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';
import type { ApplicationProcess, UsersProcess } from './application-process.ts';
import { about, CAST } from './configuration.ts';
import { type Incident, Incidents } from './incidents.ts';
import { Journal } from './journal.ts';
import { pagerdutyParagraphs, slackParagraphs } from './messages.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import { Story } from './story.ts';
import { Users, type UsersFigures } from './users.ts';

export type ShowParts = {
  readonly stage: Stage;
  readonly screen: Screen;
  readonly application: ApplicationProcess;
  readonly users: UsersProcess;
  /** Warnings and errors of the daemon's log that were not told yet. */
  readonly warnings: string[];
  readonly speed: number;
};

/** How often the application's figures are told where there is no last line that always shows them, ms of wall time. */
const FIGURES_EVERY = 5_000;
/** Equal failures, and equal warnings, told one by one; the summary counts the rest of the failures. */
const TOLD = 5;
/** What an incident is called. */
const LABELS: Partial<Readonly<Record<AlertKind, string>>> = {
  'auth-failure-spike': 'ATTACK',
  'consent-required': 'DISCONNECT',
};

/** What a viewer sees while the demonstration runs. */
export class Show {
  readonly #parts: ShowParts;
  readonly #journal: Journal;
  readonly #story: Story;
  readonly #incidents: Incidents;
  readonly #users: Users;
  readonly #failures = new Map<string, number>();
  readonly #warned = new Map<string, number>();
  readonly #keys = new Set<string>();
  #began: number | null = null;
  #lost: string | null = null;
  #slack: SlackMessage | null = null;
  #pagerduty: PagerDutyEvent | null = null;
  #figuresAt = FIGURES_EVERY;

  constructor(parts: ShowParts) {
    const { stage, screen, speed } = parts;
    const { daemon, sandbox, directory } = stage;
    const { state } = daemon.engine.context;
    this.#parts = parts;
    this.#journal = new Journal(state);
    this.#story = new Story({ screen, state, sandbox, directory });
    this.#incidents = new Incidents(sandbox, speed);
    this.#users = new Users({
      now: () => stage.clock.now(),
      screen,
      process: parts.users,
      grants: () => sandbox.frameflow.grants(),
      speed,
      begun: () => {
        this.#began ??= performance.now();
        stage.clock.shift(speed);
      },
      failed: (now, what) => this.#fail(now, what),
      lost: (now, reason) => this.#lose(now, `the users' application is gone: ${reason}`),
    });
  }

  /** Wall time since the clock is fast, ms; 0 before. */
  get elapsed(): number {
    return this.#began === null ? 0 : performance.now() - this.#began;
  }

  get staged(): readonly Incident[] {
    return this.#incidents.staged;
  }

  /** How often the application's calls failed, by reason. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }

  /** Which application is gone, and why; null: none is. */
  get lost(): string | null {
    return this.#lost;
  }

  /** How many keys the application has used. */
  get keysUsed(): number {
    return this.#keys.size;
  }

  /** What became of the users' consents. */
  users(): UsersFigures {
    return this.#users.figures();
  }

  /** Stages what is due and tells what is new. */
  async turn(): Promise<void> {
    const { stage, screen } = this.#parts;
    const now = stage.clock.now();
    for (const { kind, told } of this.#incidents.turn(this.elapsed, now)) {
      screen.tell(now, LABELS[kind] ?? 'INTRUDER', told, 'red');
    }
    await this.follow();
    this.#tellFigures();
  }

  /** Tells what is new and stages nothing. */
  async follow(): Promise<void> {
    for (const entry of await this.#journal.next()) await this.#story.tell(entry);
    this.#tellApplication();
    this.#users.follow();
    this.#tellWarnings();
    this.#tellMessages();
  }

  #tellApplication(): void {
    const { stage, screen, application } = this.#parts;
    const now = stage.clock.now();
    for (const news of application.news()) {
      if (news.type === 'key') {
        const name = CAST.find(({ variable }) => variable === news.variable)?.name ?? news.variable;
        this.#keys.add(news.keyId);
        screen.tell(now, 'application', about(name, `calls with ${news.keyId}`));
      } else if (news.type === 'lost') {
        this.#lose(now, `the application is gone: ${news.reason}`);
      } else {
        this.#fail(now, `${news.variable}: ${news.reason}`);
      }
    }
  }

  #tellWarnings(): void {
    const { stage, screen, warnings } = this.#parts;
    for (const warning of warnings.splice(0)) {
      const count = (this.#warned.get(warning) ?? 0) + 1;
      this.#warned.set(warning, count);
      if (count <= TOLD) screen.tell(stage.clock.now(), 'warning', warning, 'yellow');
    }
  }

  #lose(now: number, what: string): void {
    this.#lost ??= what;
    this.#parts.screen.tell(now, 'FAILURE', what, 'red');
  }

  #fail(now: number, what: string): void {
    const count = (this.#failures.get(what) ?? 0) + 1;
    this.#failures.set(what, count);
    if (count <= TOLD) this.#parts.screen.tell(now, 'FAILURE', `a call with ${what}`, 'red');
  }

  #tellMessages(): void {
    const { stage, screen } = this.#parts;
    const { slack, pagerduty } = stage.sandbox;
    for (const message of after(pagerduty.events(), this.#pagerduty)) {
      const how = message.action === 'trigger' ? 'red' : 'green';
      screen.quote(message.receivedAt, 'PagerDuty', pagerdutyParagraphs(message), how);
      this.#pagerduty = message;
    }
    for (const message of after(slack.messages(), this.#slack)) {
      screen.quote(message.receivedAt, 'Slack', slackParagraphs(message), colourOf(message));
      this.#slack = message;
    }
  }

  #tellFigures(): void {
    const { stage, screen, application } = this.#parts;
    const { calls, failures, perSecond } = application.tally();
    const figures = `${perSecond} calls a second, ${calls} calls, ${failures} failures`;
    const users = this.users();
    const ofUsers = `${users.calls} calls, ${users.renewals} renewals, ${users.failures} failures`;
    const now = stage.clock.now();
    screen.status(`${screen.moment(now)} · application: ${figures} · for users: ${ofUsers} · Ctrl-C ends it`);
    if (screen.isTerminal || this.elapsed < this.#figuresAt) return;
    this.#figuresAt += FIGURES_EVERY;
    screen.tell(now, 'application', figures);
    screen.tell(now, 'users', ofUsers);
  }
}

function colourOf({ text }: SlackMessage): 'red' | 'green' | 'cyan' {
  if (text.startsWith('CRITICAL')) return 'red';
  return text.startsWith('Resolved') ? 'green' : 'cyan';
}

/** What came after `last`, which is one of `all` unless it is null. */
function after<T>(all: readonly T[], last: T | null): readonly T[] {
  return last === null ? all : all.slice(all.lastIndexOf(last) + 1);
}
