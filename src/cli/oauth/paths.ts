import { CommandError, EXIT } from '../exit.ts';

/** `/v1/oauth/CLIENT/…`, each part encoded: a subject may hold anything. @throws {CommandError} `usage` */
export function oauthPath(client: string, ...parts: readonly string[]): string {
  for (const part of parts) {
    if (!part.isWellFormed()) throw new CommandError(EXIT.usage, '--subject: expected Unicode text');
  }
  return ['/v1/oauth', client, ...parts]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join('/');
}
