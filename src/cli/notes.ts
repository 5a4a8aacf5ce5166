import { printable } from './terminal.ts';
import type { CredentialView, RotationView } from './views.ts';
import { moment } from './when.ts';

/** True while scheduled rotations wait. */
export function isPaused({ pause }: CredentialView, now: number): boolean {
  return pause !== null && (pause.until === null || Date.parse(pause.until) > now);
}

/** What a table has no room for: why a credential waits, what is wrong with it, and what a person can do. */
export function notes(credential: CredentialView, now: number): string[] {
  const { name, lastError, rotation, versions, destinations, waysOut } = credential;
  const lines = [
    ...(isPaused(credential, now) ? [pauseNote(credential)] : []),
    ...(rotation?.rollback
      ? [`${name}: the previous key is published again until ${moment(rotation.rollback.until)}`]
      : []),
    ...versions.filter(isExposed).map((version) => exposure(credential, version)),
    ...(lastError === null ? [] : [`${name}: ${lastError.message}`]),
    ...(rotation !== null && isStuck(rotation) ? [stuckNote(name, rotation)] : []),
    ...destinations.flatMap((destination) => destinationNotes(name, destination)),
    ...(needsPerson(credential) ? [`${name}: what can be done: ${waysOut.join(' · ')}`] : []),
  ];
  return lines.map(printable);
}

/** A rotation that goes its way has ways out too, and nobody needs to take one. */
function needsPerson({ state, rotation, waysOut }: CredentialView): boolean {
  return waysOut.length > 0 && (state !== 'managed' || (rotation !== null && isStuck(rotation)));
}

/** It waits for a person, or cannot begin. */
export function isStuck({ state, lastError }: Pick<RotationView, 'state' | 'lastError'>): boolean {
  return state === 'attention' || (state === 'minting' && lastError !== null);
}

function stuckNote(name: string, { state, lastError }: NonNullable<CredentialView['rotation']>): string {
  return `${name}: its rotation is in ${state}${lastError === null ? '' : `: ${lastError.message}`}`;
}

function pauseNote({ name, pause }: CredentialView): string {
  const until = pause?.until ? `until ${moment(pause.until)}` : `until \`keywarden resume ${name}\``;
  const why = pause?.reason ? ` (${pause.reason})` : '';
  return `${name}: paused by ${pause?.actor} ${until}${why}`;
}

type VersionView = CredentialView['versions'][number];

/** Known to others, and as far as we know it still works. */
function isExposed({ compromisedAt, state }: VersionView): boolean {
  return compromisedAt !== null && ['current', 'retiring', 'compromised'].includes(state);
}

function exposure({ name, mode }: CredentialView, version: VersionView): string {
  const { number, keyId, expiresAt, state } = version;
  const key = keyId === null ? '' : ` (${keyId})`;
  const end = expiresAt === null ? '' : ` until ${moment(expiresAt)}`;
  const when = state === 'current' ? ' once every destination has its successor' : '';
  const retire = mode === 'guided' ? `, then: keywarden retire ${name} ${number}` : '';
  return `${name}: version ${number}${key} is known to others and works${end}: revoke it in the provider's console${when}${retire}`;
}

function destinationNotes(
  name: string,
  { destination, state, lastError, hook }: CredentialView['destinations'][number],
): string[] {
  const drift = state === 'drifted' ? 'holds a value that is not ours' : null;
  const trouble = lastError?.message ?? drift;
  return [
    ...(trouble === null ? [] : [`${name}, ${destination} (${state}): ${trouble}`]),
    ...(hook?.lastError ? [`${name}, ${destination} (hook): ${hook.lastError.message}`] : []),
  ];
}
