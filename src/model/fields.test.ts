import { describe, expect, test } from 'vitest';
import * as fields from './fields.ts';
import { DAY, HOUR } from './time.ts';

describe('a duration', () => {
  test.each([
    ['90d', 90 * DAY],
    ['72h', 72 * HOUR],
    ['1d12h', 36 * HOUR],
    ['500ms', 500],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(fields.parseDuration(text)).toBe(ms);
  });

  test.each(['', '5', 'd', '-1d', '1.5h', '1 d', '90days', '1d 2h', '9999999999999999d'])(
    '%j is none',
    (text) => {
      expect(fields.parseDuration(text)).toBeNull();
      expect(fields.duration.safeParse(text).success).toBe(false);
    },
  );
});

describe('a name', () => {
  test.each(['a', 'frameflow-prod', '0.x_y', 'a'.repeat(63)])('%s is one', (text) => {
    expect(fields.name.parse(text)).toBe(text);
  });

  test.each(['', '-a', '.a', 'A', 'a b', 'a/b', 'a'.repeat(64)])('%j is none', (text) => {
    expect(fields.name.safeParse(text).success).toBe(false);
  });
});

describe('plain http', () => {
  test('is refused everywhere, on loopback unless it is allowed there', () => {
    expect(fields.plaintextFault('http://api.example.com', true)).toMatch(/https/);
    expect(fields.plaintextFault('http://127.0.0.1:8200', false)).toMatch(/allowPlaintextLoopback/);
    expect(fields.plaintextFault('http://127.0.0.1:8200', true)).toBeNull();
    expect(fields.plaintextFault('http://[::1]:8200', true)).toBeNull();
    expect(fields.plaintextFault('http://localhost.example.com', true)).toMatch(/https/);
    expect(fields.plaintextFault('https://api.example.com', false)).toBeNull();
  });
});

describe('a reference to a secret', () => {
  test('says where the secret comes from, and is never read unbound', () => {
    const source = fields.secret.parse({ file: '/run/secrets/key', allowModes: '0444' });
    expect(source.where).toBe('file /run/secrets/key');
    expect(source.origin).toEqual({ file: '/run/secrets/key', allowModes: 0o444 });
    expect(() => source.read()).toThrow(/never bound/);
  });

  test('is never the secret itself', () => {
    const result = fields.secret.safeParse('ff_live_planted0123456789');
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).not.toContain('planted');
  });
});
