import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { KeyRing } from './sealing.ts';

const one = Secret.from(randomBytes(32));
const two = Secret.from(randomBytes(32));
const value = Secret.from('ff_live_8x9a2b');

describe('a key ring', () => {
  test('opens what any of its keys sealed, whatever their order', () => {
    const sealed = new KeyRing([one]).seal('version.value', 'v1', value);
    for (const keys of [[one], [one, two], [two, one]]) {
      expect(new KeyRing(keys).open('version.value', 'v1', sealed).equals(value)).toBe(true);
    }
    expect(new KeyRing([two, one]).seal('version.value', 'v1', value).keyId).not.toBe(sealed.keyId);
  });

  test('never seals twice alike', () => {
    const keys = new KeyRing([one]);
    const boxes = Array.from({ length: 100 }, () => keys.seal('version.value', 'v1', value).box);
    expect(new Set(boxes.map((box) => box.slice(0, 16))).size).toBe(100);
  });

  test.each([
    ['version.value', 'v2'],
    ['journal.answer', 'v1'],
    ['version.value","v1', ''],
  ])('does not open a value of another row: %s %s', (place, id) => {
    const keys = new KeyRing([one]);
    const sealed = keys.seal('version.value', 'v1', value);
    expect(() => keys.open(place, id, sealed)).toThrow(expect.objectContaining({ code: 'state_corrupt' }));
  });

  test('does not open a value of which any bit was changed, or that was cut short', () => {
    const keys = new KeyRing([one]);
    const { keyId, box } = keys.seal('version.value', 'v1', value);
    const length = Buffer.from(box, 'base64').length;
    for (let at = 0; at < length; at += 1) {
      const bytes = Buffer.from(box, 'base64');
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const altered = { keyId, box: bytes.toString('base64') };
      expect(() => keys.open('version.value', 'v1', altered)).toThrow(
        expect.objectContaining({ code: 'state_corrupt' }),
      );
      const cut = { keyId, box: Buffer.from(box, 'base64').subarray(0, at).toString('base64') };
      expect(() => keys.open('version.value', 'v1', cut)).toThrow(
        expect.objectContaining({ code: 'state_corrupt' }),
      );
    }
  });

  test('names the missing key by its id alone, and shows none when it is inspected', () => {
    const sealed = new KeyRing([one]).seal('version.value', 'v1', value);
    const keys = new KeyRing([two]);
    expect(() => keys.open('version.value', 'v1', sealed)).toThrow(sealed.keyId);
    const shown = inspect(keys, { showHidden: true, depth: 9 });
    for (const form of ['hex', 'base64', 'latin1'] as const)
      expect(shown).not.toContain(two.bytes().toString(form));
  });
});
