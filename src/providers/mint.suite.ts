import { describe, expect, it } from 'vitest';
import { failureOf, type MakeWorld, MINT, USELESS, worldOf } from './contract.suite.ts';

/** What a provider promises that makes keys by a call. */
export function mintContract(name: string, makeWorld: MakeWorld): void {
  describe(`${name} as a provider that rotates keys`, () => {
    const world = worldOf(makeWorld);
    const mint = (idempotencyKey = 'idem-1') =>
      world().provider.mint(world().key, { ...MINT, idempotencyKey });

    it('mints a successor that is accepted while the former key still is', async () => {
      const { provider, key } = world();
      const minted = provider.parseMint((await mint()).raw, key);
      expect(minted.key.equals(key)).toBe(false);
      expect([provider.malformed(minted.key), provider.mismatch(key, minted.key)]).toEqual([null, null]);
      expect((await provider.verify(minted.key)).keyId).toBe(minted.keyId);
      expect((await provider.verify(key)).keyId).toBe(minted.previousKeyId);
      expect(minted.previousExpiresAt).toBeGreaterThan(minted.previousRotatedAt);
    });

    it('gives the first answer again to the same idempotency key, also after a cut', async () => {
      world().replyNext('cut-after');
      expect((await failureOf(world(), mint())).failure.verdict).toBe('unknown');
      const first = (await mint()).raw;
      expect((await mint()).raw.equals(first)).toBe(true);
      expect((await mint('idem-2')).raw.equals(first)).toBe(false);
    });

    it.each(USELESS)('hands over the answer %j as it is, and finds no key in it', async (text) => {
      const body = text.replaceAll('SECRET', world().planted[0] ?? '');
      world().replyNext({ status: 201, body });
      const { raw } = await mint();
      expect(raw.reveal()).toBe(body);
      const parse = (async () => world().provider.parseMint(raw))();
      expect((await failureOf(world(), parse)).failure).toMatchObject({
        code: 'unusable_answer',
        verdict: 'unknown',
      });
    });
  });
}
