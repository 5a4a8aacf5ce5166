import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from './secret.ts';

const PLANTED = 'ff_live_planted0123456789';
const secret = Secret.from(PLANTED);

describe('a secret', () => {
  test('never becomes text by accident', () => {
    expect(() => `${secret}`).toThrow(/converted to a string/);
    expect(() => String(secret)).toThrow(TypeError);
    expect(() => `Bearer ${secret as unknown as string}`).toThrow(TypeError);
    expect(() => [secret].join(',')).toThrow(TypeError);
    expect(() => Number(secret)).toThrow(TypeError);
  });

  test('shows itself redacted wherever objects are shown', () => {
    const shown = [
      JSON.stringify({ key: secret, list: [secret] }),
      inspect({ deep: { deeper: { secret } } }, { depth: 9, showHidden: true }),
      inspect(secret, { customInspect: true }),
      JSON.stringify(Object.entries(secret)),
      Object.keys(secret).join(),
    ];
    for (const text of shown) expect(text).not.toContain('planted');
    expect(JSON.stringify({ key: secret })).toBe('{"key":"[redacted]"}');
    expect(inspect(secret)).toBe('[redacted]');
  });

  test('gives its value to whoever asks for it by name', () => {
    expect(secret.reveal()).toBe(PLANTED);
    expect(secret.bytes().toString()).toBe(PLANTED);
    expect(secret.length).toBe(PLANTED.length);
  });

  test('keeps its own copy: neither what made it nor what it gave can change it', () => {
    const bytes = Buffer.from('abc');
    const copied = Secret.from(bytes);
    bytes.fill(0);
    copied.bytes().fill(0);
    expect(copied.reveal()).toBe('abc');
  });

  test('is equal to another of the same bytes only', () => {
    expect(secret.equals(Secret.from(PLANTED))).toBe(true);
    expect(secret.equals(Secret.from(`${PLANTED}x`))).toBe(false);
  });
});
