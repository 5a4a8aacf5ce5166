import type { LogEvent } from '../../src/model/index.ts';
import type { Key } from './account.ts';
import type { Draw } from './draw.ts';
import { addressIn, geoOf } from './lands.ts';

/** A call before the log has given it an id. */
export type Call = Omit<LogEvent, 'id' | 'requestId'>;

/** What is usual for a call with the key from the address. */
export function callOf(key: Key, time: number, ip: string, status: number, path: string): Call {
  return {
    time: Math.round(time),
    keyId: key.id,
    ip,
    geo: geoOf(ip),
    method: 'GET',
    path,
    status,
    userAgent: `${key.application}/1.${key.release}`,
    mintedKeyId: null,
  };
}

/** An address the key is used from: the first half of the time, else any other, now and then a new one. */
export function sourceOf(key: Key, draw: Draw): string {
  if (key.strange > 0 && draw.chance(key.strange)) return addressIn(key.land, draw);
  return draw.chance(0.5) ? (key.ips[0] ?? '') : draw.pick(key.ips);
}

export function assetPath(draw: Draw): string {
  const asset = `/v1/assets/${draw.below(100_000)}`;
  return draw.chance(0.2) ? `${asset}/download` : asset;
}
