import nodeVault from 'node-vault';
import type { PluginContext, Secret } from '../../model/index.ts';
import { type Answer, type Deadline, exchange } from '../exchange.ts';
import type { VaultConfig } from './schema.ts';

/** One request to Vault's API. `body` makes it a POST, or the PATCH that is asked for: a JSON merge patch (RFC 7396). */
export type VaultRequest = {
  readonly method?: 'PATCH';
  /** Below `/v1/`: `secret/data/footage/frameflow`. Only validated names: nothing is escaped. */
  readonly path: string;
  readonly body?: object;
  readonly token?: Secret;
};

export type VaultClient = {
  /** @throws {EdgeError} where there was no answer */
  send(request: VaultRequest, deadline: Deadline): Promise<Answer>;
};

type Outgoing = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly deadline: Deadline;
};

/** Vault itself takes a secret of 1 MiB; one that holds keys is far smaller. */
const MAX_BYTES = 64 * 1024;
/** From a standby to the leader, and once more where the leader has just changed. */
const MAX_REDIRECTS = 2;

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
    'request-promise': { defaults: () => (outgoing: Outgoing) => sent(context, outgoing) },
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
    async send({ method, path, body, token }, deadline) {
      const headers = token === undefined ? {} : { 'X-Vault-Token': token.reveal() };
      const options = { headers, deadline };
      if (body === undefined) return client.read(path, options);
      if (method === undefined) return client.write(path, body, options);
      // Not by its `update`, which drops the headers it is given.
      return client.request({ ...options, method, path: `/${path}`, json: body });
    },
  };
}

/** Follows a standby to its leader where the configuration names that one, so that no other host gets the token. */
async function sent(context: PluginContext<VaultConfig>, outgoing: Outgoing): Promise<Answer> {
  const { address, nodes } = context.config;
  const path = outgoing.uri.slice(address.length);
  let base = address;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await sentOnce(context, { ...outgoing, uri: `${base}${path}` });
    const next = [address, ...nodes].find((known) => URL.parse(known)?.origin === answer.redirect);
    if (answer.status !== 307 || next === undefined || redirects === MAX_REDIRECTS) return answer;
    base = next;
  }
}

function sentOnce(context: PluginContext<VaultConfig>, outgoing: Outgoing): Promise<Answer> {
  const body = outgoing.json === undefined ? undefined : JSON.stringify(outgoing.json);
  const type = outgoing.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const request = {
    method: outgoing.method,
    url: outgoing.uri,
    headers: { ...outgoing.headers, ...(body === undefined ? {} : { 'Content-Type': type }) },
    ...(body === undefined ? {} : { body }),
    deadlineMs: outgoing.deadline(),
    maxBytes: MAX_BYTES,
  };
  return exchange(context.net, request, { who: 'Vault', writes: body !== undefined });
}
