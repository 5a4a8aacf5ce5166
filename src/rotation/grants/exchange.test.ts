import { describe, expect, test } from 'vitest';
import type { ClientPause } from '../../model/index.ts';
import { HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { foldExchange } from './exchange.ts';
import { blankClient } from './pauses.ts';
import { failure, INVALID_CLIENT, INVALID_GRANT, LOST, POLICY, START, UNAVAILABLE } from './testing/desk.ts';

const clear = blankClient(POLICY.client);
const pausedFor = (why: ClientPause['why'], until: number) => ({
  ...clear,
  pause: { why, until, count: 3 },
  failures: 3,
});

describe('a code exchange that is served', () => {
  test('proves that the client’s secret is right: a pause for it ends at once', () => {
    const { client, signals } = foldExchange(pausedFor('client-refused', START + HOUR), null, START, 0);
    expect(client).toEqual(clear);
    expect(signals).toMatchObject([{ type: 'resolve', condition: 'client-refused' }]);
  });

  test.each(['unavailable', 'rate-limited'] as const)('ends one that is %s when its time is over', (why) => {
    const running = pausedFor(why, START + HOUR);
    expect(foldExchange(running, null, START, 0).client).toBe(running);
    expect(foldExchange(running, null, START + HOUR, 0).client).toEqual(clear);
  });

  test('tells nothing of refresh tokens that are refused, and writes nothing where nothing is new', () => {
    const doubted = pausedFor('grants-refused', START);
    expect(foldExchange(doubted, null, START, 0)).toEqual({ client: doubted, signals: [] });
    expect(foldExchange(clear, null, START, 0).client).toBe(clear);
  });
});

describe('a code exchange that fails', () => {
  test.each([
    [INVALID_CLIENT, 'client-refused', MINUTE],
    [failure('rate_limited', 'retryable', 40 * SECOND), 'rate-limited', 40 * SECOND],
    [failure('unavailable', 'retryable', 20 * SECOND), 'unavailable', 20 * SECOND],
  ])('for its client’s sake ($code) pauses it', (why, pause, length) => {
    expect(foldExchange(clear, why, START, 0).client.pause).toEqual({
      why: pause,
      until: START + length,
      count: 1,
    });
  });

  test('the third that is not served opens the breaker', () => {
    let client = clear;
    for (const open of [false, false, true]) {
      client = foldExchange(client, UNAVAILABLE, START, 0).client;
      expect(client.pause !== null).toBe(open);
    }
  });

  test.each([INVALID_GRANT, LOST, failure('invalid_request', 'permanent')])(
    'for its own sake ($code) tells nothing of the client',
    (why) => {
      expect(foldExchange(clear, why, START, 0).client).toBe(clear);
    },
  );
});
