import { CommandError, EXIT } from '../exit.ts';

/** `/v1/oauth/CLIENT/…`, each part encoded: a subject may hold anything. @throws {CommandError} `usage` */
export function oauthPath(client: string, ...parts: readonly string[]): string {
  if (client === '') throw new CommandError(EXIT.usage, "CLIENT: expected the OAuth client's name");
  for (const part of parts) assertSubject(part);
  return ['/v1/oauth', client, ...parts]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join('/');
}

/** @throws {CommandError} `usage` */
export function assertSubject(subject: string): void {
  if (subject === '') throw new CommandError(EXIT.usage, "--subject: expected the user's name");
  if (!subject.isWellFormed()) throw new CommandError(EXIT.usage, '--subject: expected Unicode text');
}
