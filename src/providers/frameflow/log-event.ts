import { remembered } from '../../detectors/clients.ts';
import { parseAddress } from '../../detectors/ip.ts';
import type { Geo, LogEvent } from '../../model/index.ts';
import { parseTime } from '../rfc3339.ts';

/** Longest texts kept of what a caller of the provider can choose: an attacker among them. */
const LONGEST_TEXT = 512;

/**
 * One entry of FrameFlow's log, checked, or null where it cannot be read: a field missing or of the wrong type.
 * Hand-written, since it meets every event. Unknown fields are ignored.
 *
 * What callers of FrameFlow choose freely (method, path, user agent) never makes an entry unreadable, or an attacker
 * could hide by it: such text is cut and cleaned of control characters, and keys in it are blotted out.
 *
 * @example parseLogEvent(JSON.parse(line))
 */
export function parseLogEvent(raw: unknown): LogEvent | null {
  if (!isRecord(raw)) return null;
  const { id, time, ip, method, path, status, key_id: keyId } = raw;
  if (!isIdentifier(id) || typeof time !== 'string') return null;
  if (typeof ip !== 'string' || ip.length > 45 || parseAddress(ip) === null) return null;
  if (typeof method !== 'string' || typeof path !== 'string') return null;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 999) return null;
  if (keyId !== null && keyId !== undefined && !isIdentifier(keyId)) return null;
  const at = parseTime(time);
  if (at === null) return null;
  const { user_agent: userAgent, minted_key_id: mintedKeyId, request_id: requestId } = raw;
  const event: LogEvent = {
    id,
    time: at,
    keyId: keyId ?? null,
    ip,
    geo: parseGeo(raw.geo),
    method: clean(method, 32),
    path: clean(path, LONGEST_TEXT),
    status,
    userAgent: typeof userAgent === 'string' ? clean(userAgent, LONGEST_TEXT) : null,
    mintedKeyId: isIdentifier(mintedKeyId) ? mintedKeyId : null,
    requestId: isIdentifier(requestId) ? requestId : null,
  };
  // No promise of FrameFlow's: its stand-in says so of a 403.
  return raw.type === 'plaintext_attempt' ? { ...event, plaintext: true } : event;
}

function parseGeo(raw: unknown): Geo | null {
  if (!isRecord(raw)) return null;
  const { country: named, city, latitude, longitude } = raw;
  const country = typeof named === 'string' && named.length === 2 ? countryOf(named) : null;
  if (country === null) return null;
  return {
    country,
    city: typeof city === 'string' ? clean(city, 100) : null,
    latitude: within(latitude, 90),
    longitude: within(longitude, 180),
  };
}

const countryOf = remembered((text) => (/^[A-Za-z]+$/.test(text) ? text.toUpperCase() : null));

function within(value: unknown, most: number): number | null {
  return typeof value === 'number' && Math.abs(value) <= most ? value : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An id as a provider makes it: printable, no blanks, at most 128 characters, and never a key in its place. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 128 && value !== '' && isPlain(value, 0x21);
}

const KEY = 'ff_live_';
const F = 0x66;

/** Whether all characters are printable ones of ASCII from `lowest` on, and none begins a key. At a third of the cost of a pattern. */
function isPlain(text: string, lowest: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < lowest || code > 0x7e) return false;
    if (code === F && text.startsWith(KEY, index)) return false;
  }
  return true;
}

function clean(text: string, longest: number): string {
  if (text.length <= longest && isPlain(text, 0x20)) return text;
  const cut = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return (
    cut
      .replace(/ff_live_[A-Za-z0-9]*/g, 'ff_live_[redacted]')
      // Control, formatting (bidirectional overrides) and separator characters, and halves of a cut pair.
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd')
  );
}
