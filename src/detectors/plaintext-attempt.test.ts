import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import { begun, play, rulesWith } from './testing/play.ts';
import { event, onTime } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = {
  from: START,
  until: START + 3 * DAY,
  every: HOUR,
  rules: rulesWith({ detectors: { 'plaintext-attempt': {} } }),
};
const ALLOWED = {
  ...SCRIPT,
  rules: rulesWith({
    ipAllowlist: ['203.0.113.0/24'],
    detectors: { 'plaintext-attempt': {}, 'outside-allowlist': {} },
  }),
};

function call(minute: number, over: Partial<LogEvent> = {}): LogEvent {
  return event({ id: `call-${minute}`, time: START + minute * MINUTE, ...over });
}

describe('a key sent in plaintext', () => {
  it('is told where it was accepted from the same address before, once for each key and address', () => {
    const events = [call(0), call(30, { status: 403 }), call(31, { status: 403 })];
    const told = play(onTime(events), SCRIPT);
    expect(begun(told)).toHaveLength(1);
    expect(told[0]?.finding).toMatchObject({
      kind: 'plaintext-attempt',
      severity: 'warning',
      condition: 'key_9Xc1 203.0.113.5',
      evidence: { keyId: 'key_9Xc1', count: 2 },
    });
    expect(told.at(-1)?.finding.ended).toBe(true);
  });

  it('is told where the allowlist holds the address, and where the provider says that there was no TLS', () => {
    expect(begun(play(onTime([call(0, { status: 403 })]), ALLOWED))).toHaveLength(1);
    const said = call(0, { status: 403, ip: '192.0.2.1', plaintext: true });
    expect(begun(play(onTime([said]), SCRIPT))).toHaveLength(1);
  });

  it('says by whose word it is', () => {
    const summaries = [ALLOWED, SCRIPT].map((script) => {
      const events = [call(0, { status: 403, ...(script === SCRIPT ? { plaintext: true } : {}) })];
      return begun(play(onTime(events), script)).map(({ severity, summary }) => [severity, summary]);
    });
    expect(summaries).toEqual([
      [
        [
          'warning',
          expect.stringContaining('from a place where the key is allowed, as http:// does; the log'),
        ],
      ],
      [['warning', expect.stringContaining('and, by the word of the log, came without TLS. Whoever')]],
    ]);
  });

  it('is none where the place may be what is refused, where another answer was given, or where no key was sent', () => {
    const events = [
      call(0, { status: 403 }),
      call(10, { ip: '192.0.2.1', status: 403 }),
      call(20, { keyId: null, status: 403, plaintext: true }),
      call(30),
    ];
    expect(play(onTime(events), SCRIPT)).toEqual([]);
    expect(play(onTime([call(0, { status: 403, ip: '192.0.2.1' })]), ALLOWED)).toEqual([]);
  });
});
