/**
 * What to do with a key that somebody else has, in words that end without a full stop. `compromise` replaces the key at
 * once and makes every further use of it critical; a key of which Keywarden knows no credential it cannot replace.
 *
 * @example replaceOrder('frameflow-prod', 'key_9Xc1') // '`keywarden compromise frameflow-prod --key key_9Xc1`'
 */
export function replaceOrder(credential: string | null, keyId: string | null): string {
  if (credential === null) return 'replace the key at the provider';
  return `\`keywarden compromise ${credential}${keyId === null ? '' : ` --key ${keyId}`}\``;
}

/** Where a person sees which key was replaced when; the empty string for a key of which Keywarden knows no credential. */
export function historyHint(credential: string | null): string {
  return credential === null ? '' : ` \`keywarden history ${credential}\` shows when its keys were replaced.`;
}
