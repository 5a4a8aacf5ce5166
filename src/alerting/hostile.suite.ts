import type { Alert, DeliveryEvent, Evidence } from '../model/index.ts';
import { ALERT_KINDS } from '../model/index.ts';
import type { Bundle, Owed } from './gather.ts';

/** How many payloads a property is tried on: enough for every day; KEYWARDEN_FUZZ=20000 for more, `npm run bench alerts` for 100,000. */
export const PAYLOADS = Number(process.env.KEYWARDEN_FUZZ ?? 2_000);

/** A small seeded generator (mulberry32): the same seed gives the same payloads everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a careless caller writes into a log: keys and tokens, and what of them must never be seen in a message. */
export const PLANTED = 'zQ7vKx2mB9rT4wYc8NpL';
const SECRETS: readonly string[] = [
  `ff_live_${PLANTED}`,
  `sk_test_a-${PLANTED}`,
  `Authorization: Bearer ${PLANTED}`,
  `https://hooks.slack.com/services/T0/B0/${PLANTED}`,
  `whsec_${PLANTED}`,
  `xoxb-17-${PLANTED}`,
];

const PIECES: readonly string[] = [
  '<!channel>',
  '<!here|here>',
  '<@U024BE7LH>',
  '<#C024BE7LR>',
  '<https://evil.example|click>',
  '@here',
  '@CHANNEL',
  '@everyone',
  '&lt;!channel&gt;',
  '&',
  '<',
  '>',
  '"',
  '\\',
  '`',
  '*_~',
  '\n',
  '\r\n',
  '\t',
  '\u0000',
  '\u001b[2J',
  '\u007f',
  '\u0085',
  '\u200b',
  '\u202e',
  '\u2028',
  'שלום',
  '\u202bمرحبا\u202c',
  '\u2066',
  '\ufeff',
  '\ud800',
  '\udc00',
  '😀',
  '👩‍👩‍👧',
  'ẞ',
  'a',
  ' ',
  '{{7*7}}',
  '%0a',
  '__proto__',
];

/** Strings, times and numbers that a careless provider, log or person may hand in. */
export class Hostile {
  readonly #next: () => number;
  /** Composing costs more than what is tested: payloads combine these. */
  readonly #pool: readonly string[];

  constructor(seed: number) {
    this.#next = seeded(seed);
    this.#pool = Array.from({ length: 1_000 }, () => this.#compose());
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  text(): string {
    const text = this.pick(this.#pool);
    return this.below(8) === 0 ? `${this.pick(this.#pool)}${text}` : text;
  }

  /** Mostly short; now and then far beyond every limit. */
  #compose(): string {
    const size = this.below(30) === 0 ? 1_500 : this.pick([0, 1, 3, 3, 10, 10, 40, 120]);
    const run = this.below(3) === 0 ? this.pick(PIECES) : null;
    const text = Array.from({ length: size }, () => run ?? this.pick(PIECES))
      .join('')
      .repeat(this.below(100) === 0 ? 20 : 1);
    return this.below(10) === 0 ? `${text} ${this.pick(SECRETS)} ${this.pick(PIECES)}` : text;
  }

  time(): number {
    return this.pick([0, -1, 1_790_000_000_000, 8.64e15, 8.64e15 + 1, Number.NaN, Infinity, -Infinity, 1.5]);
  }

  evidence(): Evidence {
    const entries = Array.from({ length: this.pick([0, 1, 1, 4, 4, 4, 4, 30]) }, () => {
      const value = this.pick<Evidence[string]>([
        this.text(),
        this.time(),
        true,
        null,
        [this.text(), this.text()],
      ]);
      return [this.text(), value] as const;
    });
    const ips = Array.from({ length: this.pick([0, 1, 2, 5, 100]) }, () => this.text());
    return { ...Object.fromEntries(entries), ips, keyId: this.text() };
  }

  alert(): Alert {
    return {
      ...(this.below(2) === 0 ? { credential: this.text() } : {}),
      ...(this.below(2) === 0 ? { monitor: this.text() } : {}),
      ...(this.below(4) === 0 ? { channel: this.text() } : {}),
      id: this.text(),
      dedupKey: 'test:frameflow-prod:0f',
      identity: this.text(),
      generation: 1,
      kind: this.pick(ALERT_KINDS),
      severity: this.pick(['critical', 'warning', 'info'] as const),
      state: this.pick(['triggered', 'acknowledged', 'resolved'] as const),
      title: this.text(),
      summary: this.text(),
      action: this.below(3) === 0 ? null : this.text(),
      deadline: this.below(2) === 0 ? null : this.time(),
      evidence: this.evidence(),
      firstSeenAt: this.time(),
      lastSeenAt: this.time(),
      count: this.pick([1, 2, Number.MAX_SAFE_INTEGER]),
      acknowledgedBy: this.below(3) === 0 ? this.text() : null,
      triggeredAt: this.time(),
      reportedAt: null,
      revision: 1,
    };
  }

  /** Several alerts for one message. */
  bundle(): Bundle {
    const owed = (index: number): Owed => ({
      alert: this.alert(),
      delivery: {
        id: String(index),
        alertId: '',
        channel: 'team',
        event: this.pick<DeliveryEvent>(['trigger', 'trigger', 'acknowledge', 'resolve']),
        state: 'pending',
        attempts: 0,
        lastError: null,
        createdAt: this.time(),
        at: null,
      },
    });
    const others = Array.from({ length: this.pick([1, 3, 9, 12]) }, (_, index) => owed(index + 1));
    return { form: this.pick(['group', 'digest'] as const), items: [owed(0), ...others] };
  }

  /** What channels are given: see `channels/contract.ts`. */
  message() {
    const links = Array.from({ length: this.pick([0, 1, 2, 30]) }, () => ({
      text: this.text(),
      href: this.pick([
        `https://runbooks.internal/${this.text()}`,
        `https://runbooks.internal/?q=${this.text()}`,
        `javascript:${this.text()}`,
        this.text(),
      ]),
    }));
    return {
      id: '0199c1d2-7a31-7c55-8f00-3c1d5e0a9b42',
      event: this.pick<DeliveryEvent>(['trigger', 'trigger', 'acknowledge', 'resolve']),
      alert: this.alert(),
      provider: this.below(2) === 0 ? this.text() : null,
      installation: this.text(),
      environment: this.text(),
      links,
      runbook: this.text(),
      repeat: this.below(2) === 0,
    };
  }
}
