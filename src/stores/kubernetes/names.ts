import type { Hash } from '../../model/index.ts';
import type { KubernetesTarget } from './schema.ts';

const PREFIX = 'keywarden/';
const HASHED = 'sha256-';
/** The name of an annotation: https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * The annotation with the mark of `key`: by its name where that can be the name of an annotation, else by its digest.
 *
 * @example annotationOf('api_key', digest) // 'keywarden/api_key'
 */
export function annotationOf(key: string, digest: Hash['digest']): string {
  if (NAME.test(key) && !key.startsWith(HASHED)) return `${PREFIX}${key}`;
  return `${PREFIX}${HASHED}${digest('annotation', key).slice(0, 40)}`;
}

/** The field manager of one key of a Secret; at most 128 printable characters. */
export function managerOf({ key }: KubernetesTarget, digest: Hash['digest']): string {
  return `keywarden-${digest('field manager', key).slice(0, 16)}`;
}
