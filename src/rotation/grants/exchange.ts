import type { ClientRecord, Failure } from '../../model/index.ts';
import { meaningOf } from './failed.ts';
import { type ClientStep, heard, paused, served, strained } from './pauses.ts';

/**
 * What the exchange of an authorization code tells of its client, for the code says nothing of it (null: it was served).
 * The client's record stays the same object where there is nothing to write.
 */
export function foldExchange(
  client: ClientRecord,
  failure: Failure | null,
  now: number,
  spread: number,
): ClientStep {
  // That codes are taken does not tell whether refresh tokens are.
  const doubted = client.pause?.why === 'grants-refused';
  if (failure === null) {
    if (doubted) return { client, signals: [] };
    return client.pause?.why === 'client-refused' ? heard(client, now) : served(client, now);
  }
  const meaning = meaningOf(failure, { scope: null });
  switch (meaning) {
    case 'client-refused':
    case 'rate-limited':
      return paused(client, meaning, failure, now);
    case 'not-served':
      return strained(client, failure, now, spread);
    default:
      return { client, signals: [] };
  }
}
