import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redact } from './redact.ts';

const PLANTED = 'hunter2';
const DIGEST = createHash('sha256').update('planted').digest();
/** Too short to be taken for a secret by its form. */
const TAIL = '8x9A2b';

describe('a secret by its beginning', () => {
  test.each([
    `ff_live_${TAIL}`,
    `sk_live_${TAIL}`,
    `sk_test_${TAIL}`,
    `pk_live_${TAIL}`,
    `xoxb-${TAIL}`,
    `ghp_${TAIL}`,
    `github_pat_${TAIL}`,
    `glpat-${TAIL}`,
    `hvs.${TAIL}`,
    'AKIAIOSFODNN7EXAMPLE',
    `eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.${TAIL}`,
  ])('%s is gone, wherever it stands', (secret) => {
    for (const [before, after] of ['  ', '""', ':,', '=&', '()', '><', '`;']) {
      expect(redact(`key${before}${secret}${after}end`)).toBe(`key${before}[redacted]${after}end`);
    }
  });

  test('also in the middle of a word', () => {
    expect(redact(`KEYff_live_${TAIL} 9sk_live_${TAIL}`)).toBe('KEY[redacted] 9[redacted]');
  });
});

describe('a secret by its name', () => {
  test.each([
    [`password=${PLANTED}`, 'password=[redacted]'],
    [`DB_PASSWORD=${PLANTED} next`, 'DB_PASSWORD=[redacted] next'],
    [`DB_PASS=${PLANTED}`, 'DB_PASS=[redacted]'],
    [`passwd: ${PLANTED}`, 'passwd: [redacted]'],
    [`{"apiKey": "${PLANTED} two", "port": 1}`, '{"apiKey": [redacted], "port": 1}'],
    [`{'client_secret': '${PLANTED}'}`, "{'client_secret': [redacted]}"],
    [`token => ${PLANTED}`, 'token => [redacted]'],
    [`secret="${PLANTED} without an end`, 'secret=[redacted]'],
    [`FRAMEFLOW_API_KEY_OLD=${PLANTED};x`, 'FRAMEFLOW_API_KEY_OLD=[redacted];x'],
    [`tool --password ${PLANTED} --verbose`, 'tool --password [redacted] --verbose'],
    [`GET /x?a=1&key=${PLANTED}&b=2`, 'GET /x?a=1&key=[redacted]&b=2'],
    [`Authorization: Custom ${PLANTED} more\nnext`, 'Authorization: [redacted]\nnext'],
    [`X-Api-Key: ${PLANTED}`, 'X-Api-Key: [redacted]'],
    [`Set-Cookie: a=${PLANTED}; Path=/`, 'Set-Cookie: [redacted]'],
    [`curl -H 'bearer ${PLANTED}'`, "curl -H 'bearer [redacted]'"],
    ['Basic dXNlcjpwdw==', 'Basic [redacted]'],
    [`postgres://app:${PLANTED}@db/x`, 'postgres://[redacted]@db/x'],
    [`https://u:p@${PLANTED}@db`, 'https://[redacted]@db'],
  ])('%s', (text, left) => {
    expect(redact(text)).toBe(left);
  });
});

describe('a secret by its form', () => {
  test.each([
    ['hexadecimal', DIGEST.toString('hex')],
    ['hexadecimal in capitals', DIGEST.toString('hex').toUpperCase()],
    ['half as long', DIGEST.toString('hex').slice(0, 20)],
    ['base64', DIGEST.toString('base64')],
    ['base64url', DIGEST.toString('base64url')],
    ['a UUID', '0b1f6a52-7a55-4a5c-9a3e-0c8c5a1f2e3d'],
    ['letters alone', 'QwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUi'],
  ])('%s is gone', (_form, secret) => {
    expect(redact(`it is ${secret}.`)).toBe('it is [redacted].');
  });

  test('no base64 of 32 bytes stays whole, whatever slashes are in it', () => {
    const digest = (of: number) => createHash('sha256').update(`${of}`).digest('base64');
    const secrets = Array.from({ length: 5_000 }, (_, index) => digest(index));
    expect(secrets.filter((secret) => redact(`x ${secret} y`).includes(secret))).toEqual([]);
  });

  test.each([
    ['whole', '-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADAN\n-----END PRIVATE KEY-----\nafter', '\nafter'],
    ['without its end', '-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADAN', ''],
    ['without its beginning', 'IBADAN\n-----END PRIVATE KEY-----\nafter', '\nafter'],
  ])('a private key %s is gone', (_form, text, rest) => {
    expect(redact(text)).toBe(`[redacted]${rest}`);
  });
});

test.each([
  'Failed to reload footage.service: Unit footage.service not found.',
  'nginx: [emerg] open() "/etc/nginx/sites-enabled/frontend.conf" failed (2: No such file or directory)',
  '/usr/lib/systemd/system/footage-frontend-production.service:12: Unknown key',
  'connect ECONNREFUSED 127.0.0.1:8080',
  'java.util.ConcurrentModificationException at /var/lib/NetworkManager/dispatcher',
  '12 tests passed: 3 skipped, exit status 1',
  'at 2026-10-01T09:00:00Z after 1500 ms',
])('%s tells no secret and stays', (text) => {
  expect(redact(text)).toBe(text);
});

test('what is redacted already stays as it is', () => {
  const once = redact('password=a Bearer b https://u:p@h ff_live_c');
  expect(redact(once)).toBe(once);
});

test.each(['a', '=', 'token', 'a-', '://', '"\\', '-----BEGIN x', 'ff_live_ ', 'pass', '--token', 'x-key'])(
  'a flood of %j takes no time to speak of',
  (piece) => {
    const started = performance.now();
    redact(piece.repeat(Math.ceil(16_384 / piece.length)));
    expect(performance.now() - started).toBeLessThan(500);
  },
);
