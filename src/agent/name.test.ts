import { expect, test } from 'vitest';
import { agentName } from './name.ts';

test.each([
  ['footage', 'Checkout_7d9f.local', 'footage-checkout_7d9f.local'],
  ['footage', 'ein Rechner', 'footage-ein-rechner'],
  ['a'.repeat(63), `${'b'.repeat(50)}-x2x7z`, `${'a'.repeat(6)}-${'b'.repeat(50)}-x2x7z`],
  ['footage', `${'-'.repeat(62)}z`, 'z'],
])('%s on %s is known as %s', (installation, host, name) => {
  expect(agentName(installation, host)).toBe(name);
  expect(name).toMatch(/^[a-z0-9][a-z0-9._-]{0,62}$/);
});
