import nodeVault from 'node-vault';
import { EdgeError, type PluginContext, type Secret } from '../../model/index.ts';
import type { VaultConfig } from './schema.ts';

/** One request to Vault's API. `body` makes it a POST. */
export type VaultRequest = {
  /** Below `/v1/`: `secret/data/footage/frameflow`. Only validated names: nothing is escaped. */
  readonly path: string;
  readonly body?: object;
  readonly token?: Secret;
};

/** What Vault answered, whatever the status. Its texts may quote what was sent: they are matched, never shown. */
export type Answer = {
  readonly status: number;
  /** The parsed body; undefined where it is empty or no JSON. */
  readonly body: unknown;
  readonly retryAfterMs: number | null;
};

/** What is left of an operation's time, in ms. @throws {EdgeError} `timeout` once nothing is */
export type Deadline = () => number;

export type VaultClient = {
  /** @throws {EdgeError} where there was no answer */
  send(request: VaultRequest, deadline: Deadline): Promise<Answer>;
};

type Outgoing = {
  readonly method: 'GET' | 'POST';
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly deadline: Deadline;
};

/** Vault itself takes a secret of 1 MiB; one that holds keys is far smaller. */
const MAX_BYTES = 64 * 1024;

/** One deadline for all requests of an operation, a renewed login included. */
export function deadlineIn(ms: number, context: Pick<PluginContext<unknown>, 'clock'>): Deadline {
  const end = context.clock.monotonic() + ms;
  return () => {
    const left = end - context.clock.monotonic();
    if (left > 0) return Math.ceil(left);
    throw new EdgeError({
      code: 'timeout',
      verdict: 'retryable',
      message: `Vault was not done within ${ms} ms; see whether it is overloaded, or raise timeout`,
    });
  };
}

/**
 * node-vault, with our connection beneath it in place of its own. Its own one has no deadline, follows redirects
 * with the token, drops Retry-After, puts the token into its errors, takes a proxy from the environment and
 * checks no certificate where VAULT_SKIP_VERIFY is set; none of that is left. It is told to be silent, since
 * DEBUG=node-vault prints what it sends, and its own renewal, which runs wild on long TTLs, is never started.
 */
export function connect(context: PluginContext<VaultConfig>): VaultClient {
  const client = nodeVault({
    endpoint: context.config.address,
    debug: () => {},
    'request-promise': { defaults: () => (outgoing: Outgoing) => exchange(context, outgoing) },
  });
  Object.assign(client, {
    // What VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX have put there.
    token: '',
    namespace: context.config.namespace ?? '',
    pathPrefix: '',
    // The status decides, here and not in the client, which makes one kind of error of all.
    handleVaultResponse: (answer: Answer) => answer,
  });
  return {
    async send({ path, body, token }, deadline) {
      const headers = token === undefined ? {} : { 'X-Vault-Token': token.reveal() };
      const options = { headers, deadline };
      return body === undefined ? client.read(path, options) : client.write(path, body, options);
    },
  };
}

async function exchange(context: PluginContext<VaultConfig>, outgoing: Outgoing): Promise<Answer> {
  const body = outgoing.json === undefined ? undefined : JSON.stringify(outgoing.json);
  try {
    const {
      status,
      headers,
      body: bytes,
    } = await context.net.request({
      method: outgoing.method,
      url: outgoing.uri,
      headers: { ...outgoing.headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
      deadlineMs: outgoing.deadline(),
      maxBytes: MAX_BYTES,
    });
    return { status, body: parse(bytes), retryAfterMs: seconds(headers['retry-after']) };
  } catch (error) {
    throw noAnswer(error, body === undefined);
  }
}

/** A read that may have been served has changed nothing: it is simply tried again. */
function noAnswer(error: unknown, reading: boolean): EdgeError {
  if (!(error instanceof EdgeError)) {
    return new EdgeError({
      code: 'no_answer',
      verdict: reading ? 'retryable' : 'unknown',
      message: 'the connection to Vault failed in an unforeseen way; it is tried again',
    });
  }
  if (!reading || error.failure.verdict !== 'unknown') return error;
  return new EdgeError({ ...error.failure, verdict: error.code === 'too_large' ? 'permanent' : 'retryable' });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function seconds(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}
