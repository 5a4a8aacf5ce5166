import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiConfig, Role, TokenConfig } from '../config/types.ts';
import type { Log } from '../model/index.ts';
import { Problem } from './problem.ts';

/** Who speaks: the name and role of the token. */
export type Caller = Pick<TokenConfig, 'name' | 'role' | 'credentials' | 'oauthClients'>;

/** What a role may do besides its own: admin may everything; an operator reads; an app only its own values. */
const INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  admin: ['admin', 'operator', 'reader', 'app'],
  operator: ['operator', 'reader'],
  reader: ['reader'],
  app: ['app'],
};

/**
 * The token of a request, by its hash and in constant time. Secrets are read at each request, so that a changed
 * file counts at once.
 * @throws {Problem} 401
 */
export async function authenticate(
  header: string | undefined,
  { tokens }: ApiConfig,
  log: Log,
): Promise<Caller> {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')?.[1];
  if (given === undefined) throw unauthorized('send a token: Authorization: Bearer …');
  const wanted = digest(given);
  let caller: Caller | null = null;
  for (const token of tokens) {
    for (const source of token.secrets) {
      try {
        const secret = await source.read();
        if (timingSafeEqual(digest(secret.bytes()), wanted)) caller = token;
      } catch (error) {
        log.warn({ token: token.name, error }, `the secret of the token ${token.name} cannot be read`);
      }
    }
  }
  if (caller === null) throw unauthorized('this token is not known here');
  return caller;
}

/** @throws {Problem} 403 where none of `roles` is the caller's, or included in it */
export function authorize(caller: Caller, roles: readonly Role[]): void {
  if (roles.some((role) => INCLUDES[caller.role].includes(role))) return;
  throw new Problem(
    403,
    'forbidden',
    `the token ${caller.name} has the role ${caller.role}; this needs ${roles.join(' or ')}`,
  );
}

/** @throws {Problem} 403 where an app asks for a credential that is not its own */
export function authorizeCredential(caller: Caller, credential: string): void {
  if (caller.role !== 'app' || caller.credentials.includes(credential)) return;
  throw new Problem(403, 'forbidden', `the token ${caller.name} may not read ${credential}`);
}

/** @throws {Problem} 403 where an app asks for an OAuth client that is not its own */
export function authorizeClient(caller: Caller, client: string): void {
  if (caller.role !== 'app' || caller.oauthClients.includes(client)) return;
  throw new Problem(403, 'forbidden', `the token ${caller.name} may not use the OAuth client ${client}`);
}

function unauthorized(detail: string): Problem {
  return new Problem(401, 'unauthorized', detail, {
    headers: { 'www-authenticate': 'Bearer realm="keywarden"' },
  });
}

function digest(value: string | Uint8Array): Buffer {
  return createHash('sha256').update(value).digest();
}
