import { describe, expect, it } from 'vitest';
import { Secret } from '../../model/index.ts';
import { malformed, mismatch } from './key.ts';

const LIVE = Secret.from('sk_live_PlantedKey0');
const OTHER_LIVE = Secret.from('sk_live_PlantedKey1');
const TEST = Secret.from('sk_test_PlantedKey2');

describe('a StockFlow key', () => {
  it.each(['sk_live_EXAMPLE', `sk_test_${'aZ9'.repeat(8)}`, `sk_live_a-b_${'c'.repeat(100)}`])(
    'may be %.20s',
    (value) => {
      expect(malformed(Secret.from(value))).toBe(null);
    },
  );

  it.each([
    '',
    'sk_live_',
    'sk_live_Plant',
    'sk_prod_PlantedKey',
    'SK_LIVE_PlantedKey',
    'ff_live_PlantedKeyPlantedKey',
    ' sk_live_PlantedKey',
    'sk_live_PlantedKey\n',
    'sk_live_Planted Key',
    'sk_live_PlantedKey\r\nX-Other: 1',
    `sk_live_${'a'.repeat(201)}`,
  ])('is not %.30j, and the reason does not quote it', (value) => {
    const why = malformed(Secret.from(value)) ?? '';
    expect(why).toContain('sk_live_ or sk_test_');
    expect(why).not.toContain('Planted');
  });
});

describe('a successor', () => {
  it('is of the kind of the key before it', () => {
    expect(mismatch(LIVE, OTHER_LIVE)).toBe(null);
    expect(mismatch(TEST, TEST)).toBe(null);
  });

  it.each([
    [LIVE, TEST, 'this is a test key (sk_test_…), and the credential holds a live key (sk_live_…)'],
    [TEST, LIVE, 'this is a live key (sk_live_…), and the credential holds a test key (sk_test_…)'],
  ])('never is a test key for a live one or the other way round (%#)', (current, next, said) => {
    const why = mismatch(current, next) ?? '';
    expect(why).toContain(said);
    expect(why).not.toContain('Planted');
  });

  it('that is no key at all is left to the check of its form', () => {
    expect(mismatch(LIVE, Secret.from('sk_test_'))).toBe(null);
    expect(mismatch(Secret.from('whatever'), TEST)).toBe(null);
  });
});
