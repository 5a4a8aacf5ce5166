import type { Change, CredentialSnapshot, Failure, Version } from '../model/index.ts';
import { currentVersion } from '../rotation/index.ts';

/** So many polls in succession must fail, the last of them for the key, before it is more than a hiccup. */
const REFUSED_LIMIT = 2;

/** Whose key read a log. */
type Reading = {
  /** As it is after the poll. */
  readonly snapshot: CredentialSnapshot | undefined;
  /** The version that read; null: there was none. */
  readonly reader: Version | null;
};

/** How many polls in succession have failed, this one included. */
type Refused = Reading & { readonly failures: number };

/**
 * The key that reads the log is the one that applications use: where it is refused, so are they. Its credential is
 * given over to its plan, which looks for a better key before anybody is told. Nothing where another key is current
 * by now, or the plan knows already.
 */
export function keyRefused({ snapshot, reader, failures }: Refused, failure: Failure, now: number): Change[] {
  if (failure.verdict !== 'rejected' || failures < REFUSED_LIMIT) return [];
  if (snapshot?.record.state !== 'managed' || !isCurrent(snapshot, reader)) return [];
  const { record, revision } = snapshot;
  const { name } = record;
  return [
    { type: 'credential.expect', name, revision },
    {
      type: 'credential.put',
      record: { ...record, state: 'rejected', lastError: failure, attempts: 0, retryAt: null },
    },
    {
      type: 'audit.append',
      entry: {
        at: now,
        actor: 'daemon',
        action: 'key.refused',
        credential: name,
        detail: { keyId: reader?.keyId ?? null, code: failure.code },
      },
    },
    wake(name, now),
  ];
}

/** A refused key that has read the log may be accepted again: its plan looks at once, whenever it meant to. */
export function keyAccepted({ snapshot, reader }: Reading, now: number): Change[] {
  if (snapshot?.record.state !== 'rejected' || !isCurrent(snapshot, reader)) return [];
  const { record, revision } = snapshot;
  const { name, retryAt } = record;
  if (retryAt === null) return [];
  return [
    { type: 'credential.expect', name, revision },
    { type: 'credential.put', record: { ...record, retryAt: null } },
    wake(name, now),
  ];
}

function isCurrent({ versions }: CredentialSnapshot, reader: Version | null): boolean {
  return reader !== null && currentVersion(versions)?.id === reader.id;
}

function wake(id: string, at: number): Change {
  return { type: 'work.wake', kind: 'credential', id, at };
}
