import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, type Issued, type Served, serve } from '../../../net/testing/index.ts';

/*
 * A small AWS STS: AssumeRole and AssumeRoleWithWebIdentity of its query protocol (a form in, XML out). The access
 * keys that it hands out are good at the fake Secrets Manager beside it.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */

export type StsRequest = {
  /** The access key that signed; null for an unsigned request. */
  readonly key: string | null;
  readonly form: Readonly<Record<string, string>>;
};

/** `hang`: never answers. */
type StsAnswer =
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | 'hang';

/** What every session's credentials share, so that tests can look for them. */
export const SESSION = {
  secretAccessKey: 'session-secret-EXAMPLE-3xK8vQ2mT7pL9wZr',
  sessionToken: 'session-token-EXAMPLE-7dH4sJ6gF1kM5nBc',
};

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** As STS answers an error. */
export function stsRefused(code: string, message = 'x', status = 403, headers = {}): StsAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const body = `<ErrorResponse xmlns="${NAMESPACE}">${error}<RequestId>${randomUUID()}</RequestId></ErrorResponse>`;
  return { status, body, headers };
}

export class FakeSts {
  readonly requests: StsRequest[] = [];
  /** Roles whose trust policy lets the caller in. */
  readonly trusting = new Set<string>();
  /** How long a session lives, in ms. */
  lifetime = 60 * 60_000;
  /** Answers in place of the server where it returns something. */
  fault: ((request: StsRequest) => StsAnswer | null) | null = null;
  readonly #keys: Set<string>;
  #server: Served | null = null;

  /** `keys`: access key ids that AWS knows; those of the sessions are added. */
  constructor(keys: Set<string>) {
    this.#keys = keys;
  }

  async listen(tls?: Issued): Promise<this> {
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response);
    this.#server = await serve(handle, tls === undefined ? {} : { tls });
    return this;
  }

  /** To be named in `AWS_ENDPOINT_URL_STS`, where the SDK looks for it. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  /** What an administrator does: all sessions end. */
  revoke(): void {
    for (const key of this.#keys) if (key.startsWith('ASIA')) this.#keys.delete(key);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = Object.fromEntries(new URLSearchParams(await bodyOf(incoming)));
    const key = /Credential=([^/]+)\//.exec(incoming.headers.authorization ?? '')?.[1] ?? null;
    const request = { key, form };
    this.requests.push(request);
    const answer = this.fault?.(request) ?? this.#answer(request);
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'Content-Type': 'text/xml', ...answer.headers }).end(answer.body);
  }

  #answer({ key, form }: StsRequest): StsAnswer {
    const { Action: action = '', RoleArn: role = '' } = form;
    if (action === 'AssumeRole') {
      if (key === null) return stsRefused('MissingAuthenticationToken');
      if (!this.#keys.has(key)) return stsRefused('InvalidClientTokenId', 'The security token is invalid.');
    } else if (action !== 'AssumeRoleWithWebIdentity') return stsRefused('InvalidAction', action, 400);
    if (this.trusting.has(role)) return { status: 200, body: this.#session(action) };
    return stsRefused(
      'AccessDenied',
      `${key} is not authorized to perform: sts:${action} on resource: ${role}`,
    );
  }

  #session(action: string): string {
    const id = `ASIA${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`;
    this.#keys.add(id);
    const { secretAccessKey, sessionToken } = SESSION;
    const end = new Date(Date.now() + this.lifetime).toISOString();
    const credentials =
      `<Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${sessionToken}</SessionToken><Expiration>${end}</Expiration></Credentials>`;
    return `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${credentials}</${action}Result></${action}Response>`;
  }
}
