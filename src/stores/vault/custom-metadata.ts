import { EdgeError } from '../../model/index.ts';

/** https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#custom_metadata: bytes of a key and of a value. */
const MAX_KEY = 128;
const MAX_VALUE = 512;

/** @throws {EdgeError} `mark_unfit` where Vault would refuse the mark after it had taken the value */
export function assertNoteFits(key: string, note: string): void {
  if (Buffer.byteLength(key) <= MAX_KEY && Buffer.byteLength(note) <= MAX_VALUE) return;
  throw new EdgeError({
    code: 'mark_unfit',
    verdict: 'permanent',
    message:
      `the mark ${key} is longer than custom_metadata takes (${MAX_KEY} bytes of name, ${MAX_VALUE} of text); ` +
      'set marks: sibling, or shorten the names of field, installation and credential',
  });
}

/** Vault 1.9 has custom_metadata too, but can only replace all of it: marks and notes of others would be lost. */
export function noCustomMetadata(): EdgeError {
  return new EdgeError({
    code: 'marks_unsupported',
    verdict: 'permanent',
    message:
      'marks: custom_metadata needs Vault 1.10 or later, or OpenBao: before 1.9 there is no custom_metadata, ' +
      'and before 1.10 nothing can be added to it; set marks: sibling, or upgrade the server',
  });
}
