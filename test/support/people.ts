import { expect } from 'vitest';
import type { Incident, Sandbox } from '../../src/sandbox/index.ts';

/** A message as somebody in the Slack channel reads it. */
export type Told = {
  readonly kind: string;
  readonly headline: string;
  readonly at: number;
  readonly repeat: boolean;
};

/** The people who read Slack. */
export class Team {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Everything that was posted, oldest first. */
  messages(): readonly Told[] {
    return this.#sandbox.slack.messages().map(({ text, payload, receivedAt }) => {
      const body = JSON.stringify(payload);
      const kind = /Alert \S+ · (\S+) ·/.exec(body)?.[1] ?? '';
      return { kind, headline: text, at: receivedAt, repeat: body.includes('Possible repeat') };
    });
  }

  /** Messages of one kind, their ends included. */
  told(kind: string): readonly Told[] {
    return this.messages().filter((message) => message.kind === kind);
  }

  /** How often each kind was told, ends apart: `{ 'rotation-completed': 4 }`. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { kind, headline } of this.messages()) {
      const name = headline.startsWith('Resolved') ? `${kind} resolved` : kind;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  expectTold(kind: string): Told {
    const [first] = this.told(kind);
    if (first === undefined) throw new Error(`Slack was never told of ${kind}, but of ${this.#kinds()}`);
    return first;
  }

  #kinds(): string {
    return JSON.stringify(this.counts());
  }
}

/** The person whom PagerDuty wakes. */
export class Oncall {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  incidents(kind?: string): readonly Incident[] {
    const all = this.#sandbox.pagerduty.incidents();
    return kind === undefined ? all : all.filter(({ dedupKey }) => dedupKey.startsWith(`${kind}:`));
  }

  expectTriggered(kind: string): Incident {
    const open = this.incidents(kind).find(({ status }) => status === 'triggered');
    if (open === undefined) throw new Error(`nobody is paged for ${kind} now; incidents: ${this.#list()}`);
    return open;
  }

  expectResolved(kind: string): void {
    expect(this.incidents(kind).map(({ status }) => status)).toContain('resolved');
    expect(this.incidents(kind).filter(({ status }) => status !== 'resolved')).toEqual([]);
  }

  expectQuiet(): void {
    expect(this.incidents().map(({ summary }) => summary)).toEqual([]);
  }

  #list(): string {
    return JSON.stringify(
      this.incidents().map(({ dedupKey, status }) => `${dedupKey.split(':')[0]} ${status}`),
    );
  }
}
