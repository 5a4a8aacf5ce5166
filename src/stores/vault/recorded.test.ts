import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { testNet } from '../../net/testing/index.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import type { FakeAnswer } from '../testing/fake-service.ts';
import { FakeVault } from './fake.ts';
import type { VaultTarget } from './schema.ts';
import { startVaultWorld, type VaultWorld } from './testing.ts';

/*
 * What a real Vault was recorded to be asked and to answer (test/fixtures/README.md), held against what our fake
 * answers and what our adapter asks. Ids, times and texts differ in every run: shapes are compared.
 */

type Exchange = {
  readonly name: string;
  readonly request: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Readonly<Record<string, unknown>>;
  };
  readonly response: FakeAnswer;
};

const fixtures = new URL('../../../test/fixtures/vault/', import.meta.url);
const open: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function recorded(file: string, name: string): Promise<Exchange> {
  const { exchanges } = JSON.parse(await readFile(new URL(`${file}.json`, fixtures), 'utf8'));
  const found = exchanges.find((exchange: Exchange) => exchange.name === name);
  if (found === undefined) throw new TypeError(`no exchange "${name}" in ${file}`);
  return found;
}

/** Names and types all the way down. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  const members = Object.entries(value).map(([name, member]) => [name, shape(member)] as const);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}

type Setting = (vault: FakeVault) => void;

const write = (name: string, count: number): Setting => {
  return (vault) => {
    for (let version = 0; version < count; version += 1) vault.put(name, () => ({ password: 'x' }));
  };
};

const deleted: Setting = (vault) => {
  write('secret/app/del', 3)(vault);
  vault.kv.softDelete('secret/app/del');
};

const mounted: Setting = (vault) => {
  vault.mounts.set('kv1', '1').set('transit', 'transit');
};

const none: Setting = () => {};

const seal: Setting = (vault) => {
  vault.sealed = true;
};

const denied: Setting = (vault) => vault.rights.clear();

const answers: ReadonlyArray<readonly [file: string, exchange: string, setting: Setting]> = [
  ['kv2-read', 'read latest', write('secret/app/read', 2)],
  ['kv2-read', 'read a secret that does not exist', none],
  ['kv2-write-and-cas', 'first write, no cas', none],
  ['kv2-write-and-cas', 'cas 0 on an existing secret: mismatch', write('secret/app/cas', 1)],
  ['kv2-write-and-cas', 'cas 1 matches version 1', write('secret/app/cas', 1)],
  ['kv2-write-and-cas', 'cas 1 again is stale: mismatch', write('secret/app/cas', 2)],
  ['kv2-write-and-cas', 'cas 0 creates a secret that was not there', none],
  ['kv2-write-and-cas', 'cas above 0 on a path that was never written: mismatch', none],
  ['kv2-delete-undelete-destroy', 'read a soft-deleted latest version', deleted],
  ['kv2-delete-undelete-destroy', 'cas 0 on a soft-deleted secret: mismatch', deleted],
  ['kv2-delete-undelete-destroy', 'cas with the deleted version number works', deleted],
  ['kv2-bad-requests', 'no data field', none],
  ['kv2-bad-requests', 'mount that does not exist, write', none],
  ['kv2-bad-requests', 'mount that does not exist, read', none],
  ['kv-mount-detection', 'preflight of a v2 path', none],
  ['kv-mount-detection', 'preflight of a v1 path', mounted],
  ['kv-mount-detection', 'preflight of a mount that does not exist', none],
  ['kv-mount-detection', 'v1 read, missing', mounted],
  ['kv-mount-detection', 'v2-shaped write on a v1 mount is stored as it is', mounted],
  ['kv-mount-detection', 'v2-shaped write to it', mounted],
  ['auth-errors', 'no token', none],
  ['auth-errors', 'token that does not exist', none],
  ['auth-errors', 'lookup-self with a bad token', none],
  ['auth-errors', 'policy does not cover this path', denied],
  ['auth-errors', 'capabilities-self', none],
  ['token-lookup-renew-revoke', 'lookup-self', none],
  ['token-lookup-renew-revoke', 'renew-self, no body', none],
  ['approle', 'login', none],
  ['approle', 'wrong secret id', none],
  ['approle', 'wrong role id', none],
  ['init-seal-unseal', 'sealed: write', seal],
  ['init-seal-unseal', 'sealed: read', seal],
  ['init-seal-unseal', 'sealed: AppRole login', seal],
];

test.each(answers)('%s: the fake answers "%s" in the recorded form', async (file, name, setting) => {
  const { request, response } = await recorded(file, name);
  const vault = await new FakeVault().listen();
  open.push(() => vault.close());
  setting(vault);
  const answer = await ask(vault, request, response.status !== 403 || setting === denied);
  expect(answer.status).toBe(response.status);
  expect(shape(answer.body)).toEqual(shape(response.body));
});

/** Sends what was recorded, with a token and role of this fake in place of those of then. */
async function ask(vault: FakeVault, request: Exchange['request'], valid: boolean) {
  const net = testNet(null, { allowPlaintextLoopback: true });
  open.push(() => net.close());
  const headers = { ...request.headers };
  if (valid && 'X-Vault-Token' in headers) headers['X-Vault-Token'] = vault.issueToken();
  if (!valid && request.path.includes('/mounts/')) headers['X-Vault-Token'] = vault.issueToken();
  const answer = await net.request({
    method: request.method,
    url: `${vault.url}${request.path}`,
    headers,
    ...(request.body === undefined ? {} : { body: JSON.stringify(withRole(vault, request.body)) }),
  });
  const text = answer.body.toString('utf8');
  return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
}

function withRole(vault: FakeVault, body: Readonly<Record<string, unknown>>): object {
  if (!('role_id' in body)) return body;
  const unknown = (id: unknown) => String(id).startsWith('00000000');
  return {
    role_id: unknown(body.role_id) ? body.role_id : vault.appRole.roleId,
    secret_id: unknown(body.secret_id) ? body.secret_id : vault.appRole.secretId,
  };
}

const verdicts: ReadonlyArray<readonly [file: string, exchange: string, failure: object]> = [
  ['kv2-write-and-cas', 'cas 1 again is stale: mismatch', { code: 'conflict', verdict: 'retryable' }],
  ['ha-standby', 'node 1 just after stepping down: write', { code: 'unavailable', verdict: 'unknown' }],
  ['ha-standby', 'write, leader just gone', { code: 'standby', verdict: 'retryable' }],
  ['kv2-bad-requests', 'request body over 32 MiB', { code: 'too_large', verdict: 'permanent' }],
  ['kv-upgrade-window', 'write at once', { code: 'mount_upgrading', verdict: 'retryable' }],
  [
    'kv-mount-detection',
    'v2-shaped write on a v1 mount is stored as it is',
    { code: 'not_kv2', verdict: 'permanent' },
  ],
  ['init-seal-unseal', 'sealed: write', { code: 'sealed', verdict: 'retryable' }],
  ['rate-limit', 'request 2', { code: 'rate_limited', verdict: 'retryable', retryAfterMs: 1000 }],
  [
    'ha-standby',
    'write on the standby with forwarding turned off by header',
    { code: 'standby', verdict: 'retryable' },
  ],
  ['ha-standby', 'value larger than one raft entry may be', { code: 'too_large', verdict: 'permanent' }],
];

test.each(verdicts)('%s: the adapter knows what "%s" means to its write', async (file, name, failure) => {
  const { response } = await recorded(file, name);
  const { store, vault, target, end } = await startVaultWorld();
  open.push(end);
  vault.fault = ({ method, path }) => (method === 'POST' && path.includes('/data/') ? response : null);
  const error = await edgeErrorOf(store.publish(target, Secret.from('v'), markOf(1), null));
  expect(error.failure).toMatchObject(failure);
});

const CAS = ['kv2-write-and-cas', 'cas 0 creates a secret that was not there'] as const;
const METADATA = 'kv2-metadata-and-list';

/** Every kind of request that the adapter makes and a real server was recorded to be asked. */
const asked: ReadonlyArray<readonly [file: string, exchange: string, config: object]> = [
  ['approle', 'login', {}],
  ['auth-errors', 'preflight with the limited token', {}],
  ['auth-errors', 'capabilities-self', {}],
  ['token-lookup-renew-revoke', 'lookup-self', {}],
  ['token-lookup-renew-revoke', 'renew-self with an increment', {}],
  ['kv2-read', 'read latest', {}],
  [...CAS, {}],
  ['kv2-write-and-cas', 'cas 1 matches version 1', {}],
  ['kv2-delete-undelete-destroy', 'cas with the deleted version number works', {}],
  ['namespace-header', 'read it with the header', { namespace: 'team-a' }],
  ['namespace-header', 'lookup-self with the header', { namespace: 'team-a' }],
  [METADATA, 'custom_metadata (newer servers keep it; this one?)', { marks: 'custom_metadata' }],
];

test.each(asked)(
  '%s: the adapter asks "%s" with the recorded method, path, headers and body',
  async (file, name, config) => {
    const { request } = await recorded(file, name);
    const [, path = 'app/read'] = /\/(?:data|metadata|mounts\/secret)\/(.+)$/.exec(request.path) ?? [];
    const world = await startVaultWorld({ server: '1.10', config });
    open.push(() => world.end());
    await everything(world, { path, field: fieldOf(request.body) });
    // A patch adds to what others have there, which the POST of then would replace.
    const method = file === METADATA ? 'PATCH' : request.method;
    const { increment: _optional, ...body } = request.body ?? {};
    const theirs = { method, path: request.path, headers: headersOf(request.headers), body: shape(body) };
    const ours = world.vault.requests.map(({ method, path, headers, body }) => ({
      method,
      path,
      headers: headersOf(headers),
      body: shape(withoutMark(body)),
    }));
    expect(ours).toContainEqual(theirs);
  },
);

/** All that the adapter can do, on a secret that is not there, that is, and that was deleted. */
async function everything({ store, vault }: VaultWorld, target: VaultTarget): Promise<void> {
  const publish = async (number: number) =>
    store.publish(target, Secret.from('v'), markOf(number), await store.readBack(target));
  await store.preflight(target);
  await publish(1);
  await publish(2);
  vault.kv.softDelete(`secret/${target.path}`);
  await publish(3);
  await store.renewLogin();
  vault.rights.clear();
  expect((await edgeErrorOf(store.readBack(target))).failure.code).toBe('denied');
}

function fieldOf(body: Exchange['request']['body']): string {
  return Object.keys(Object(body?.data))[0] ?? 'k';
}

/** But for those that the connection makes. The recorder left Content-Length and the like out. */
function headersOf(headers: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const carrying = ['host', 'connection', 'content-length', 'user-agent', 'accept-encoding'];
  return names.filter((name) => !carrying.includes(name)).sort();
}

/** As a person would have sent it: without the field that only we write, under a key of theirs. */
function withoutMark(body: unknown): unknown {
  const { data, custom_metadata: custom, ...rest } = Object(body ?? {});
  if (custom !== undefined) return { ...rest, custom_metadata: { owner: Object.values(custom)[0] } };
  if (data === undefined) return rest;
  const fields = Object.entries(data).filter(([name]) => !name.endsWith('_keywarden'));
  return { ...rest, data: Object.fromEntries(fields) };
}

test('a write that a standby sends on is asked of the leader as it was recorded, its login included', async () => {
  const { request, response } = await recorded(
    'ha-standby',
    'write on the standby with forwarding turned off by header',
  );
  const { Location: location = '' } = response.headers ?? {};
  const leader = await new FakeVault().listen();
  open.push(() => leader.close());
  const secrets = { ROLE_ID: () => leader.appRole.roleId, SECRET_ID: () => leader.appRole.secretId };
  const world = await startVaultWorld({ secrets, config: { nodes: [leader.url] } });
  open.push(() => world.end());
  world.vault.fault = ({ path }) => ({
    ...response,
    headers: { Location: location.replace(new URL(location).origin, leader.url).replace(request.path, path) },
  });
  await world.store.publish({ path: 'app/x', field: 'k' }, Secret.from('v'), markOf(1), null);
  expect(new URL(location).pathname).toBe(request.path);
  const sent = leader.requests.map(({ method, path }) => `${method} ${path}`);
  expect(sent).toEqual(world.vault.requests.map(({ method, path }) => `${method} ${path}`));
  expect(sent.at(-1)).toBe(`${request.method} ${request.path}`);
});

test('a server that was recorded to drop custom_metadata is not trusted with marks', async () => {
  const dropped = await recorded(METADATA, 'custom_metadata (newer servers keep it; this one?)');
  expect(dropped.response.status).toBe(204);
  const { response } = await recorded('kv2-read', 'read latest');
  const { store, vault, target, end } = await startVaultWorld({ config: { marks: 'custom_metadata' } });
  open.push(end);
  vault.fault = ({ path }) => (path.includes('/data/') ? response : null);
  const { failure } = await edgeErrorOf(store.preflight(target));
  expect(failure).toMatchObject({ code: 'marks_unsupported', verdict: 'permanent' });
});
