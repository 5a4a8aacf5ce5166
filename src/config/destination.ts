import type { Publication } from './publications.ts';

/**
 * A destination's name, stable over restarts and reorderings: `vault:footage/frameflow#api_key`,
 * `aws:footage/frameflow`, `cluster:footage/frameflow#api_key`, `file:/run/app/.env#FRAMEFLOW_API_KEY`.
 */
export function destinationId(entry: Publication['entry'], absolute: (path: string) => string): string {
  if ('file' in entry) return withField(`file:${absolute(entry.file)}`, entry.variable);
  if ('path' in entry) return withField(`${entry.store}:${entry.path}`, entry.field);
  if ('secretId' in entry) return withField(`${entry.store}:${entry.secretId}`, entry.field);
  return withField(`${entry.store}:${entry.namespace}/${entry.secret}`, entry.key);
}

function withField(place: string, field: string | undefined): string {
  return field === undefined ? place : `${place}#${field}`;
}
