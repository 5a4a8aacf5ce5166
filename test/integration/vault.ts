import { randomUUID } from 'node:crypto';
import { expect, vi } from 'vitest';
import { Secret, SecretSource } from '../../src/model/index.ts';
import { testNet } from '../../src/net/testing/index.ts';
import type { StoreWorld } from '../../src/stores/contract.suite.ts';
import { create } from '../../src/stores/vault/adapter.ts';
import { schema, type VaultTarget } from '../../src/stores/vault/schema.ts';
import { cuttableNet, ground } from './ground.ts';

type Json = Readonly<Record<string, unknown>>;
type Answer = { readonly status: number; readonly data: Json };

/** What the store may do, as docs/vault.md asks for it; `without`: a person took the right to write away. */
const policyFor = (mount: string, without: boolean) =>
  without
    ? `path "${mount}/data/*" { capabilities = ["read"] }`
    : `path "${mount}/data/*" { capabilities = ["create", "read", "update"] }
       path "${mount}/metadata/*" { capabilities = ["patch"] }`;

/** A corner of a Vault for one file of tests: a mount of KV version 2, a policy and an AppRole, gone in the end. */
export class VaultCorner {
  readonly address = process.env.VAULT_ADDR ?? '';
  readonly name = `keywarden-test-${randomUUID().slice(0, 8)}`;
  readonly #token = process.env.VAULT_TOKEN ?? '';
  readonly #net = testNet(null, { allowPlaintextLoopback: true });

  async open(): Promise<void> {
    await this.ask('POST', `sys/mounts/${this.name}`, { type: 'kv', options: { version: '2' } });
    await this.forbid(false);
    await this.ask('POST', `sys/auth/${this.name}`, { type: 'approle' });
    await this.ask('POST', `auth/${this.name}/role/store`, { token_policies: [this.name] });
    // A fresh mount of version 2 refuses everything (400) until it has set itself up.
    await vi.waitFor(() => this.ask('GET', `${this.name}/config`), { timeout: 20_000, interval: 100 });
  }

  async close(): Promise<void> {
    await this.ask('DELETE', `sys/mounts/${this.name}`);
    await this.ask('DELETE', `sys/auth/${this.name}`);
    await this.ask('DELETE', `sys/policies/acl/${this.name}`);
    await this.#net.close();
  }

  /** What an administrator asks. @throws {Error} for what is neither done nor missing */
  async ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: Json): Promise<Answer> {
    const answer = await this.#net.request({
      method,
      url: `${this.address}/v1/${path}`,
      headers: { 'X-Vault-Token': this.#token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status } = answer;
    if (status >= 300 && status !== 404) throw new Error(`${method} ${path} was answered with ${status}`);
    const parsed = status === 204 ? {} : JSON.parse(answer.body.toString('utf8'));
    return { status, data: { ...parsed.data, ...(parsed.auth ?? {}) } };
  }

  async forbid(on: boolean): Promise<void> {
    await this.ask('POST', `sys/policies/acl/${this.name}`, { policy: policyFor(this.name, on) });
  }

  /** A login with that policy, as the configuration gives it, and its secrets by the names it refers to. */
  async login(method: 'token' | 'approle'): Promise<{ auth: object; secrets: Record<string, string> }> {
    if (method === 'token') {
      const { data } = await this.ask('POST', 'auth/token/create', { policies: [this.name], ttl: '1h' });
      return { auth: { method, token: { env: 'TOKEN' } }, secrets: { TOKEN: String(data.client_token) } };
    }
    const role = `auth/${this.name}/role/store`;
    const { data: id } = await this.ask('GET', `${role}/role-id`);
    const { data: secret } = await this.ask('POST', `${role}/secret-id`, {});
    return {
      auth: { method, mount: this.name, roleId: { env: 'ROLE_ID' }, secretId: { env: 'SECRET_ID' } },
      secrets: { ROLE_ID: String(id.role_id), SECRET_ID: String(secret.secret_id) },
    };
  }
}

/** A store in `corner`, with a secret of its own that is not there yet. */
export async function startVaultWorld(
  corner: VaultCorner,
  method: 'token' | 'approle',
  options: object = {},
): Promise<StoreWorld<VaultTarget>> {
  const { auth, secrets } = await corner.login(method);
  const { address, name: mount } = corner;
  const config = schema.parse({
    ...{ kind: 'vault', address, mount, auth, allowPlaintextLoopback: true },
    ...options,
  });
  for (const source of Object.values(config.auth)) {
    if (!(source instanceof SecretSource)) continue;
    source.bind(async (origin) => Secret.from(secrets['env' in origin ? origin.env : ''] ?? ''));
  }
  const target = { path: `${randomUUID()}/frameflow`, field: 'api_key' };
  const net = cuttableNet();
  const { context, logged } = ground('vault', config, net);
  const data = `${mount}/data/${target.path}`;
  return {
    store: create(context),
    target,
    otherTarget: { ...target, field: 'other_key' },
    planted: Object.values(secrets),
    async outage(on) {
      net.cut = on;
    },
    forbid: (on) => corner.forbid(on),
    async meddle(value) {
      const { data: standing } = await corner.ask('GET', data);
      const fields = { ...Object(standing.data), [target.field]: value };
      await corner.ask('POST', data, { data: fields });
    },
    // With the version and, since Vault 1.9, the metadata that is not Vault's own.
    observe: () => corner.ask('GET', data),
    logged,
    async end() {
      const { status } = await corner.ask('DELETE', data.replace('/data/', '/metadata/'));
      expect([204, 404]).toContain(status);
      await net.close();
    },
  };
}
