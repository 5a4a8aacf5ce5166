import { expect, test } from 'vitest';
import { Account } from './account.ts';

const OVERLAP = 72;

function accountWith(...ids: string[]): Account {
  const account = new Account(OVERLAP);
  for (const id of ids) account.add({ id, value: `value-${id}`, name: null, createdAt: 0 });
  return account;
}

function stateOf(account: Account, id: string, now: number): string {
  const key = account.get(id);
  return key === undefined ? 'unknown' : account.state(key, now);
}

test('a key is active until it is rotated, retiring for the overlap, then expired', () => {
  const account = accountWith('a');
  expect(stateOf(account, 'a', 1_000_000)).toBe('active');
  account.rotate('a', { id: 'b', value: 'value-b' }, 100);
  expect(stateOf(account, 'a', 100)).toBe('retiring');
  expect(stateOf(account, 'a', 100 + OVERLAP - 1)).toBe('retiring');
  expect(stateOf(account, 'a', 100 + OVERLAP)).toBe('expired');
  expect(stateOf(account, 'b', 100 + OVERLAP)).toBe('active');
});

test('a further rotation by a retiring key mints a further key, prolongs nothing and revokes nothing', () => {
  const account = accountWith('a');
  account.rotate('a', { id: 'b', value: 'value-b' }, 100);
  const { signer } = account.rotate('a', { id: 'c', value: 'value-c' }, 150);
  expect(signer.firstRotatedAt).toBe(100);
  expect(account.expiresAt(signer)).toBe(100 + OVERLAP);
  expect(stateOf(account, 'b', 500)).toBe('active');
  expect(stateOf(account, 'c', 500)).toBe('active');
});

test('an expired key cannot be rotated', () => {
  const account = accountWith('a');
  account.rotate('a', { id: 'b', value: 'value-b' }, 100);
  expect(() => account.rotate('a', { id: 'c', value: 'value-c' }, 172)).toThrow(RangeError);
  expect(account.get('c')).toBeUndefined();
});

test('a revoked key is expired from that moment, and only the first revocation counts', () => {
  const account = accountWith('a');
  expect(account.revoke('a', 50)).toBe(true);
  account.revoke('a', 90);
  expect(stateOf(account, 'a', 49)).toBe('retiring');
  expect(stateOf(account, 'a', 50)).toBe('expired');
  expect(account.revoke('nobody', 50)).toBe(false);
});
