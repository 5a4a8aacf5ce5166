import { Secret } from '../../model/index.ts';
import { grantId } from '../contract.ts';
import type { KeyRing, Sealed } from '../sealing.ts';

/** What a grant's box is bound to, beside client and subject. */
const TOKENS = 'grant.tokens';
const NARROW = 'narrow.value';
const LENGTH_BYTES = 4;

export type Tokens = { readonly refresh: Secret; readonly access: Secret | null };
type Owner = { readonly client: string; readonly subject: string };
type NarrowOwner = Owner & { readonly scope: string };

/**
 * Both tokens in one box, for nonce and tag cost as much as a token does: the refresh token's length, itself, then the
 * access token; one without any byte is none.
 */
export function sealTokens(keys: KeyRing, { client, subject }: Owner, { refresh, access }: Tokens): Sealed {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(refresh.length);
  const both = Secret.from(
    Buffer.concat([length, refresh.bytes(), ...(access === null ? [] : [access.bytes()])]),
  );
  return keys.seal(TOKENS, grantId(client, subject), both);
}

/** @throws {StateError} `wrong_key`, `state_corrupt` */
export function openTokens(keys: KeyRing, { client, subject }: Owner, sealed: Sealed): Tokens {
  const both = keys.open(TOKENS, grantId(client, subject), sealed).bytes();
  const end = LENGTH_BYTES + both.readUInt32BE();
  return {
    refresh: Secret.from(both.subarray(LENGTH_BYTES, end)),
    access: end === both.length ? null : Secret.from(both.subarray(end)),
  };
}

export function sealNarrow(keys: KeyRing, owner: NarrowOwner, value: Secret): Sealed {
  return keys.seal(NARROW, narrowId(owner), value);
}

/** @throws {StateError} `wrong_key`, `state_corrupt` */
export function openNarrow(keys: KeyRing, owner: NarrowOwner, sealed: Sealed): Secret {
  return keys.open(NARROW, narrowId(owner), sealed);
}

const narrowId = ({ client, subject, scope }: NarrowOwner) => JSON.stringify([client, subject, scope]);
