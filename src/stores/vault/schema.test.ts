import { describe, expect, test } from 'vitest';
import { schema, target } from './schema.ts';

const given = (config: object) =>
  schema.safeParse({
    kind: 'vault',
    address: 'https://vault.internal:8200',
    auth: { method: 'token', token: { env: 'TOKEN' } },
    ...config,
  });

describe('A path in Vault', () => {
  test.each(['frameflow', 'footage/frameflow', 'a/b/c', '_x/y-z', 'v1.2', '0'])('may be %s', (path) => {
    expect(target.safeParse({ path, field: 'k' }).success).toBe(true);
  });

  test.each([
    'a//b',
    'a/../b',
    '../a',
    'a/..',
    'v1..2',
    './a',
    'a/./b',
    '/a',
    'a/',
    '',
    'a b',
    'a%2Fb',
    'a%2E%2E/b',
    'a?b',
    'a#b',
    'a+b',
    'a*b',
    'a&b',
    'a\\b',
    'été',
    'a\nb',
    'a\n',
  ])('is refused as %j', (path) => {
    const { error } = target.safeParse({ path, field: 'k' });
    expect(error?.issues[0]?.message).toMatch(/^expected a path such as footage\/frameflow/);
  });
});

test.each(['', 'a/b', 'a b', '.a', 'é', 'k'.repeat(129)])('a field is refused as %j', (field) => {
  expect(target.safeParse({ path: 'a', field }).success).toBe(false);
});

describe('A Vault store', () => {
  test('puts marks beside the value, knows no other node, and uses the mount secret unless told otherwise', () => {
    expect(given({}).data).toMatchObject({ marks: 'sibling', nodes: [], mount: 'secret' });
  });

  test.each([
    ['mount', 'a//b'],
    ['mount', '../sys'],
    ['mount', 'secret/'],
    ['namespace', 'a/../b'],
    ['marks', 'tags'],
    ['nodes', 'https://vault-1.internal:8200'],
    ['nodes', ['vault-1.internal']],
    ['nodes', ['https://user:password@vault-1.internal']],
    ['address', 'vault.internal'],
  ])('is refused with %s: %j', (key, value) => {
    expect(given({ [key]: value }).success).toBe(false);
  });
});
