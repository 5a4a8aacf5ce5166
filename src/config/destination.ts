import type { FileTarget } from '../stores/file/schema.ts';
import type { Publication } from './publications.ts';

/**
 * A destination's name, stable over restarts and reorderings: `vault:footage/frameflow#api_key`,
 * `aws:footage/frameflow`, `cluster:footage/frameflow#api_key`, `file:/run/app/.env#FRAMEFLOW_API_KEY`. A template has a
 * place for each credential: `file:/run/app/app.toml#frameflow-prod`.
 */
export function destinationId(
  entry: Publication['entry'],
  absolute: (path: string) => string,
  credential: string,
): string {
  if ('file' in entry) return withField(`file:${absolute(entry.file)}`, placeIn(entry, credential));
  if ('path' in entry) return withField(`${entry.store}:${entry.path}`, entry.field);
  if ('secretId' in entry) return withField(`${entry.store}:${entry.secretId}`, entry.field);
  return withField(`${entry.store}:${entry.namespace}/${entry.secret}`, entry.key);
}

function placeIn({ format, variable, field }: FileTarget, credential: string): string | undefined {
  return format === 'template' ? credential : (variable ?? field);
}

function withField(place: string, field: string | undefined): string {
  return field === undefined ? place : `${place}#${field}`;
}

type Publishing = { readonly publish?: readonly object[] | undefined };

/** A file's target, with what stands elsewhere in the configuration of a template: whose place is meant, and who has one. */
export function fileTarget(
  target: FileTarget,
  credential: string,
  all: Readonly<Record<string, Publishing>>,
): FileTarget {
  if (target.format !== 'template') return target;
  const isThere = (entry: object) => 'file' in entry && entry.file === target.file;
  const credentials = Object.keys(all).filter((name) => all[name]?.publish?.some(isThere));
  return { ...target, credential, credentials };
}
