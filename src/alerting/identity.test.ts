import { describe, expect, test } from 'vitest';
import { dedupKey, identityOf } from './identity.ts';
import { digest, Memory, raise } from './testing/memory.ts';

describe('a dedup key', () => {
  const { installation, environment } = new Memory().context();
  const scope = { installation, environment, digest };

  test('is the same whatever the severity, time and words, and readable', () => {
    const key = dedupKey(raise(), 1, scope);
    expect(dedupKey(raise({ severity: 'critical', at: 1, title: 'x', evidence: {} }), 1, scope)).toBe(key);
    expect(key).toMatch(/^publish-failed:frameflow-prod:[0-9a-f]{64}$/);
  });

  test('differs with installation, environment, kind, subject, condition and generation', () => {
    const { credential: _, ...bare } = raise();
    const keys = [
      dedupKey(raise(), 1, scope),
      dedupKey(raise(), 2, scope),
      dedupKey(raise(), 1, { ...scope, installation: 'other' }),
      dedupKey(raise(), 1, { ...scope, environment: 'staging' }),
      dedupKey(raise({ kind: 'store-drift' }), 1, scope),
      dedupKey(raise({ credential: 'other' }), 1, scope),
      dedupKey(raise({ condition: 'other' }), 1, scope),
      dedupKey({ ...bare, monitor: 'frameflow-prod' }, 1, scope),
      dedupKey({ ...bare, channel: 'frameflow-prod' }, 1, scope),
      dedupKey(bare, 1, scope),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('never exceeds 255 characters of plain ASCII', () => {
    const key = dedupKey(raise({ credential: '☠ '.repeat(500) }), 1, scope);
    expect(key).toMatch(/^[\x21-\x7e]{1,255}$/);
    expect(key.length).toBe(255);
  });
});

test('an identity is kept under the monitor where a finding names a credential beside it', () => {
  const both = raise({ monitor: 'auth-log', condition: 'key_1' });
  const { credential: _, ...alone } = both;
  expect(identityOf(both)).toBe(identityOf(alone));
  expect(identityOf(both)).toBe('["publish-failed","monitor:auth-log","key_1"]');
});
