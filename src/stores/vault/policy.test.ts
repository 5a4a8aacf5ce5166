import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import type { FakeRequest } from './fake.ts';
import { startVaultWorld, TARGET } from './testing.ts';

const CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  GET: ['read'],
  POST: ['create', 'update'],
  PATCH: ['patch'],
};

/** Which of the policies' blocks allow what, as docs/vault.md has them. */
async function documented(): Promise<Map<string, string[]>> {
  const text = await readFile(new URL('../../../docs/vault.md', import.meta.url), 'utf8');
  const policies = [...text.matchAll(/^```hcl\n([\s\S]+?)^```$/gm)].map(([, policy]) => policy).join('');
  const blocks = policies.matchAll(/path "([^"]+)" *\{\s*capabilities = \[([^\]]+)\]\s*\}/g);
  return new Map(
    Array.from(blocks, ([, path = '', list = '']) => [path, [...list.matchAll(/\w+/g)].map(String)]),
  );
}

/** For these Vault asks for no policy: a login has no token yet, and the mount is shown to whoever may do something below it. */
const isFree = ({ path }: FakeRequest) =>
  /^\/v1\/(auth\/\w+\/login|sys\/internal\/ui\/mounts\/.*)$/.test(path);

test('the policy in the documentation allows all that the adapter asks of Vault, and nothing else', async () => {
  const policy = await documented();
  const { store, vault, end } = await startVaultWorld({
    server: '1.10',
    config: { marks: 'custom_metadata' },
  });
  await store.preflight(TARGET);
  await store.publish(TARGET, Secret.from('v'), markOf(1), null);
  await store.publish(TARGET, Secret.from('w'), markOf(2), await store.readBack(TARGET));
  await store.renewLogin();
  vault.rights.clear();
  expect((await edgeErrorOf(store.readBack(TARGET))).failure.code).toBe('denied');
  await end();

  const used = new Map<string, Set<string>>();
  for (const request of vault.requests.filter((each) => !isFree(each))) {
    const path = request.path.replace('/v1/', '');
    const allowed = (CAPABILITIES[request.method] ?? []).filter((one) => policy.get(path)?.includes(one));
    expect(allowed, `${request.method} ${path}`).not.toEqual([]);
    used.set(path, new Set([...(used.get(path) ?? []), ...allowed]));
  }
  const sorted = (entries: Iterable<readonly [string, Iterable<string>]>) =>
    Array.from(entries, ([path, list]) => [path, [...list].sort()]).sort();
  expect(sorted(used)).toEqual(sorted(policy));
});
