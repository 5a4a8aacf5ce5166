import type { LogEvent } from '../../src/model/index.ts';

/** The event as the provider's log endpoint gives it, without a line's end. */
export function lineOf(event: LogEvent): string {
  return JSON.stringify({
    id: event.id,
    time: new Date(event.time).toISOString(),
    key_id: event.keyId,
    ip: event.ip,
    geo: event.geo,
    method: event.method,
    path: event.path,
    status: event.status,
    user_agent: event.userAgent,
    request_id: event.requestId,
  });
}
