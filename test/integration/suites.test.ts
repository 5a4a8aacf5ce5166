import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { textOf } from '../tidy/repository.ts';
import { ROOT } from '../tidy/source.ts';
import { planned, SUITES } from './suites.ts';

test('without any server all suites are left out, and each says what it needs and how to get it', () => {
  const { leftOut, notes } = planned({});
  expect(leftOut).toEqual(SUITES.map(({ file }) => file));
  for (const { what, needs, start } of SUITES) {
    expect(notes).toContain(`LEFT OUT: ${what}. Not set: ${needs.join(', ')}. To run it:\n`);
    for (const line of start) expect(notes).toContain(`    ${line}\n`);
  }
});

test('a suite runs where all that it needs is given, and is then not left out', () => {
  const vault = 'test/integration/vault.integration.ts';
  const { leftOut, notes } = planned({ VAULT_ADDR: 'http://127.0.0.1:8200', VAULT_TOKEN: 'x' });
  expect(leftOut).not.toContain(vault);
  expect(leftOut).toHaveLength(SUITES.length - 1);
  expect(notes).not.toContain('Vault store against OpenBao');
  const half = planned({ VAULT_ADDR: 'http://127.0.0.1:8200', VAULT_TOKEN: '' });
  expect(half.leftOut).toContain(vault);
  expect(half.notes).toContain('Not set: VAULT_TOKEN.');
});

test('every suite has its file, and every service that it says to start is in compose.yaml, pinned', () => {
  const compose = textOf('test/integration/compose.yaml');
  for (const { file, start } of SUITES) {
    expect(existsSync(join(ROOT, file))).toBe(true);
    const service = start[0]?.split(' ').at(-1) ?? '';
    expect(compose).toMatch(
      new RegExp(`^  ${service}:\n    image: [a-z/]+:\\d+\\.\\d+(\\.\\d+)?(-alpine)?$`, 'm'),
    );
  }
});
