import type { Owed } from '../../src/alerting/gather.ts';
import type { SlackMessage } from '../../src/sandbox/index.ts';

/** A message in Slack as a person reads it. */
type Read = {
  readonly headline: string;
  readonly at: number;
  /** The alerts that it names, by id: true where it says that the alert is over. */
  readonly named: ReadonlyMap<string, boolean>;
  /** How many more it only counts. */
  readonly more: number;
  /** How many alerts it says that it is about, in its headline and at its foot. */
  readonly says: readonly number[];
};

/**
 * What counts as delivered and was never told; what is told by a message whose counts do not fit what it bears. Several
 * alerts that go in one message are settled at one time: that message came between the one before and that time, and
 * bears them all, each by name or among those that it counts, and no other.
 *
 * @param messages all that Slack took, the oldest first, by the clock of the deliveries
 * @param owed everything that was owed to Slack
 * @example untold(world.sandbox.slack.messages(), owed) // []
 */
export function untold(messages: readonly SlackMessage[], owed: readonly Owed[]): readonly string[] {
  const read = messages.map(readMessage);
  const faults = read
    .filter(({ named, more, says }) => says.some((count) => count !== named.size + more))
    .map(({ headline, named, more }) => `"${headline}" names ${named.size} alerts and counts ${more} more`);
  const delivered = owed.filter(({ delivery }) => delivery.state === 'delivered');
  const settled = [...Map.groupBy(delivered, ({ delivery }) => delivery.at ?? 0)].sort(([a], [b]) => a - b);
  let before = 0;
  for (const [at, together] of settled) {
    const since = before;
    before = at;
    if (read.some((message) => message.at >= since && message.at <= at && bears(message, together))) continue;
    for (const { delivery, alert } of together)
      faults.push(`${alert.kind} (${delivery.event}) for ${delivery.channel} ${neverCame(together.length)}`);
  }
  return faults;
}

function neverCame(count: number): string {
  return count === 1
    ? 'counts as delivered and never arrived'
    : `counts as delivered with ${count - 1} more, and no message of all of them arrived`;
}

function bears({ named, more }: Read, together: readonly Owed[]): boolean {
  const begins = together.filter(({ delivery }) => delivery.event === 'trigger');
  const begun = new Set(begins.map(({ alert }) => alert.id));
  const ends = together.filter(({ delivery }) => delivery.event !== 'trigger');
  const over = new Set(ends.map(({ alert }) => alert.id));
  // An end that was settled with its begin has no line of its own.
  const items = [...begins, ...ends.filter(({ alert }) => !begun.has(alert.id))];
  return (
    named.size + more === items.length &&
    [...named].every(([id, saysOver]) => (over.has(id) ? saysOver : begun.has(id)))
  );
}

function readMessage({ receivedAt, text, payload }: SlackMessage): Read {
  const { blocks } = payload as { readonly blocks: readonly Block[] };
  const foot = textsOf(blocks, 'context').join('\n');
  const single = /^(?:Possible repeat · )?Alert (\S+) · /.exec(foot)?.[1];
  if (single !== undefined) {
    const over = /^(?:Resolved|\w+ \(over\)): /.test(text);
    return { headline: text, at: receivedAt, named: new Map([[single, over]]), more: 0, says: [1] };
  }
  const lines = textsOf(blocks, 'section').flatMap((section) => section.split('\n'));
  const named = lines.flatMap((line) => {
    const [, word, id] = /^• (\w+): .* · (\S+)$/.exec(line) ?? [];
    return id === undefined ? [] : [[id, word === 'Over'] as const];
  });
  return {
    headline: text,
    at: receivedAt,
    named: new Map(named),
    more: lines.reduce((sum, line) => sum + Number(/^and (\d+) more: /.exec(line)?.[1] ?? 0), 0),
    says: [counted(text), Number(/(\d+) alerts · from /.exec(foot)?.[1] ?? Number.NaN)],
  };
}

/** `3 alerts: 2 critical, 1 warning; 1 more is over · key-orphaned of frameflow-prod`: four. */
function counted(headline: string): number {
  const live = /^(\d+) alerts?\b/.exec(headline)?.[1];
  const over = /; (\d+) more (?:is|are) over/.exec(headline)?.[1] ?? 0;
  return Number(live) + Number(over);
}

type Text = { readonly text: string };
type Block = { readonly type: string; readonly text?: Text; readonly elements?: readonly Text[] };

function textsOf(blocks: readonly Block[], type: string): readonly string[] {
  return blocks
    .filter((block) => block.type === type)
    .flatMap(({ text, elements = [] }) => [...(text === undefined ? [] : [text]), ...elements])
    .map(({ text }) => text);
}
