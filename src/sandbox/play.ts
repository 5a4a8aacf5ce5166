import { z } from 'zod';
import type { AuthLog } from './auth-log.ts';
import { parseTime } from './log-query.ts';
import { geoOf } from './origin.ts';
import { token } from './random.ts';

const moment = z.union([
  z.int(),
  z.string().transform((text, context) => {
    const ms = parseTime(text);
    if (ms !== null) return ms;
    context.addIssue({ code: 'custom', message: 'expected an RFC 3339 time or integer milliseconds' });
    return z.NEVER;
  }),
]);

/**
 * An event to play into the log, in the log's own form. What is left out is filled in: an accepted call of the
 * application's endpoint from the documentation network 203.0.113.0/24, now, by nobody's key.
 */
export const playedEvent = z
  .strictObject({
    /** The same id twice is a repeat. */
    id: z.string(),
    time: moment,
    /** Later than `time`: the event comes late. Default: it is there at once, whatever its `time`. */
    arrives_at: moment,
    key_id: z.string().nullable(),
    ip: z.string(),
    /** Default: the built-in table's word on `ip`. */
    geo: z
      .strictObject({
        country: z.string(),
        city: z.string().nullable().default(null),
        latitude: z.number().optional(),
        longitude: z.number().optional(),
      })
      .nullable(),
    method: z.string(),
    path: z.string(),
    status: z.int(),
    user_agent: z.string().nullable(),
    minted_key_id: z.string(),
    request_id: z.string(),
    type: z.literal('plaintext_attempt'),
    /** Stands in the log as it is, well-formed or not; all but the times is then left aside. */
    raw: z.unknown(),
  })
  .partial();

/** As a caller writes it; times in RFC 3339 or ms. */
export type PlayedEvent = z.input<typeof playedEvent>;

/** Plays events into the log, in the order given. @throws {z.ZodError} where one is not well-formed */
export function play(log: AuthLog, events: readonly PlayedEvent[], now: number): void {
  for (const input of z.array(playedEvent).parse(events)) {
    const { time = now, arrives_at: arrivesAt = now, raw, ...given } = input;
    const { ip = '203.0.113.10' } = given;
    const event = raw ?? {
      id: `evt_${token(16)}`,
      key_id: null,
      geo: geoOf(ip),
      method: 'GET',
      path: '/v1/assets/search',
      status: 200,
      user_agent: null,
      request_id: `req_${token(16)}`,
      ...given,
      ip,
      time: new Date(time).toISOString(),
    };
    if (arrivesAt > now) log.appendLater({ time, event }, arrivesAt);
    else log.append({ time, event });
  }
}
