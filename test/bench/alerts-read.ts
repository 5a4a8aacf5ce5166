import type { SlackMessage } from '../../src/sandbox/index.ts';

/** One alert as a Slack message tells of it: its begin, or that it is over. `name` is what was put into its title. */
export type ToldLine = { readonly name: string; readonly over: boolean };

/** What a person learns from one Slack message. */
export type Told = {
  readonly at: number;
  readonly form: 'single' | 'group' | 'digest';
  /** Alerts in it, those that it only counts included. */
  readonly count: number;
  readonly lines: readonly ToldLine[];
  /** It says that it may have come before. */
  readonly marked: boolean;
};

/** A name that stands in a title and nowhere else. */
const NAME = /#(\d+)#/g;

/** Reads a message as a person does, from nothing but its blocks. */
export function readSlack({ receivedAt, payload }: SlackMessage): Told {
  const texts = (payload.blocks as readonly Block[]).flatMap(textsOf);
  const context = texts.find((text) => /^(?:Possible repeat · )?(?:Alert |\d+ alerts · )/.test(text)) ?? '';
  const marked = context.startsWith('Possible repeat');
  const several = /(?:^|· )(\d+) alerts · /.exec(context);
  if (several === null) return { at: receivedAt, form: 'single', count: 1, lines: linesOf(texts), marked };
  const [headline = '', list = ''] = texts;
  return {
    at: receivedAt,
    form: headline.includes(' · ') ? 'group' : 'digest',
    count: Number(several[1]),
    lines: linesOf(list.split('\n')),
    marked,
  };
}

type Block = {
  readonly text?: { readonly text: string };
  readonly elements?: ReadonlyArray<{ readonly text?: unknown }>;
};

function textsOf({ text, elements = [] }: Block): string[] {
  const inner = elements.flatMap((one) => (typeof one.text === 'string' ? [one.text] : []));
  return text === undefined ? inner : [text.text, ...inner];
}

/** `• Over: …` and `*Resolved: …*` tell the end; `CRITICAL (over): …` tells the begin, late, and the end follows. */
function linesOf(texts: readonly string[]): ToldLine[] {
  const lines = texts.flatMap((text) =>
    [...text.matchAll(NAME)].map(([, name = '']) => ({
      name,
      over: /^(?:• |\*)?(?:Over|Resolved): /.test(text),
    })),
  );
  return [...new Map(lines.map((line) => [`${line.name} ${line.over}`, line])).values()];
}

/** The most messages within any minute, whenever it begins. */
export function mostInAMinute(times: readonly number[], minute: number): number {
  return Math.max(
    0,
    ...times.map((at) => times.filter((other) => other > at - minute && other <= at).length),
  );
}
