import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';
import type { ApplicationProcess } from './application-process.ts';
import { about, CAST } from './configuration.ts';
import { type Incident, Incidents } from './incidents.ts';
import { Journal } from './journal.ts';
import { pagerdutyParagraphs, slackParagraphs } from './messages.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import { Story } from './story.ts';

export type ShowParts = {
  readonly stage: Stage;
  readonly screen: Screen;
  readonly application: ApplicationProcess;
  /** Warnings and errors of the daemon's log that were not told yet. */
  readonly warnings: string[];
  readonly speed: number;
};

/** How often the application's figures are told where there is no last line that always shows them, ms of wall time. */
const FIGURES_EVERY = 5_000;
/** Equal failures told one by one; the summary counts the rest. */
const FAILURES_TOLD = 5;

/** What a viewer sees while the demonstration runs. */
export class Show {
  readonly #parts: ShowParts;
  readonly #journal: Journal;
  readonly #story: Story;
  readonly #incidents: Incidents;
  readonly #began = performance.now();
  readonly #failures = new Map<string, number>();
  readonly #keys = new Set<string>();
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
  }

  /** Wall time since it began, ms. */
  get elapsed(): number {
    return performance.now() - this.#began;
  }

  get staged(): readonly Incident[] {
    return this.#incidents.staged;
  }

  /** How often the application's calls failed, by reason. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }

  /** Why the application is gone; null: it is not. */
  get lost(): string | null {
    return this.#lost;
  }

  /** How many keys the application has used. */
  get keysUsed(): number {
    return this.#keys.size;
  }

  /** Stages what is due and tells what is new. */
  async turn(): Promise<void> {
    const { stage, screen } = this.#parts;
    const now = stage.clock.now();
    for (const { kind, told } of this.#incidents.turn(this.elapsed, now)) {
      screen.tell(now, kind === 'auth-failure-spike' ? 'ATTACK' : 'INTRUDER', told, 'red');
    }
    await this.follow();
    this.#tellFigures();
  }

  /** Tells what is new and stages nothing. */
  async follow(): Promise<void> {
    for (const entry of await this.#journal.next()) await this.#story.tell(entry);
    this.#tellApplication();
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
        this.#lost = news.reason;
        screen.tell(now, 'FAILURE', `the application is gone: ${news.reason}`, 'red');
      } else {
        this.#fail(now, `${news.variable}: ${news.reason}`);
      }
    }
  }

  #tellWarnings(): void {
    const { stage, screen, warnings } = this.#parts;
    for (const warning of warnings.splice(0)) screen.tell(stage.clock.now(), 'warning', warning, 'yellow');
  }

  #fail(now: number, what: string): void {
    const count = (this.#failures.get(what) ?? 0) + 1;
    this.#failures.set(what, count);
    if (count <= FAILURES_TOLD) this.#parts.screen.tell(now, 'FAILURE', `a call with ${what}`, 'red');
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
    const now = stage.clock.now();
    screen.status(`${screen.moment(now)} · application: ${figures} · Ctrl-C ends it`);
    if (screen.isTerminal || this.elapsed < this.#figuresAt) return;
    this.#figuresAt += FIGURES_EVERY;
    screen.tell(now, 'application', figures);
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
