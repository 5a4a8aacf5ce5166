import { describe, expect, it } from 'vitest';
import { Secret } from '../../model/index.ts';
import { failureOf } from '../contract.suite.ts';
import { parseMint } from './answers.ts';

const OLD = 'ff_live_PlantedOldPlantedOld';
const NEW = 'ff_live_PlantedNewPlantedNew';
const ANSWER = {
  key_id: 'key_2',
  key: NEW,
  tier: 'Pro',
  created_at: '2026-10-01T09:00:00Z',
  previous_key: { key_id: 'key_1', rotated_at: '2026-10-01T09:00:00Z', expires_at: '2026-10-04T09:00:00Z' },
  request_id: 'req_1',
  unheard_of: [{ key: OLD }],
};

const parse = async (answer: unknown, signer?: Secret) =>
  parseMint(Secret.from(typeof answer === 'string' ? answer : JSON.stringify(answer)), signer);

const refused = async (answer: unknown, signer?: Secret) => {
  const { failure } = await failureOf({ planted: ['Planted'] }, parse(answer, signer));
  expect(failure).toMatchObject({ code: 'unusable_answer', verdict: 'unknown' });
};

describe('the answer to a mint', () => {
  it('gives the new key and never the previous one', async () => {
    const minted = await parse(ANSWER, Secret.from(OLD));
    expect(minted.key.reveal()).toBe(NEW);
    expect({ ...minted, key: null }).toEqual({
      key: null,
      keyId: 'key_2',
      createdAt: Date.UTC(2026, 9, 1, 9),
      previousKeyId: 'key_1',
      previousRotatedAt: Date.UTC(2026, 9, 1, 9),
      previousExpiresAt: Date.UTC(2026, 9, 4, 9),
    });
    const { key: _key, ...keyless } = ANSWER;
    await refused({ ...keyless, previous_key: { ...ANSWER.previous_key, key: OLD } });
  });

  it('tells by an earlier rotation that an earlier call had its effect', async () => {
    const previous = { ...ANSWER.previous_key, rotated_at: '2026-09-30T09:00:00+02:00' };
    const minted = await parse({ ...ANSWER, previous_key: previous });
    expect(minted.previousRotatedAt).toBe(Date.UTC(2026, 8, 30, 7));
    expect(minted.createdAt).toBeGreaterThan(minted.previousRotatedAt);
  });

  it('is unusable where the new key is the one that signed', () => refused(ANSWER, Secret.from(NEW)));

  it.each([
    ['key', undefined],
    ['key', null],
    ['key', 7],
    ['key', [NEW]],
    ['key', { value: NEW }],
    ['key', ''],
    ['key', `${NEW}\n`],
    ['key', ` ${NEW}`],
    ['key', 'ff_live_Planted'],
    ['key', `ff_live_${'Planted'.repeat(10)}`],
    ['key', NEW.replace('live', 'test')],
    ['key', `${NEW}-`],
    ['key_id', undefined],
    ['key_id', 5],
    ['key_id', ''],
    ['key_id', 'key 2'],
    ['key_id', NEW],
    ['key_id', 'key_1'],
    ['created_at', undefined],
    ['created_at', 'today'],
    ['created_at', 1_790_000_000],
    ['previous_key', undefined],
    ['previous_key', null],
    ['previous_key', OLD],
    ['previous_key', [ANSWER.previous_key]],
    ['previous_key', { ...ANSWER.previous_key, key_id: OLD }],
    ['previous_key', { ...ANSWER.previous_key, rotated_at: null }],
    ['previous_key', { ...ANSWER.previous_key, expires_at: '2026-10-04' }],
    ['previous_key', { ...ANSWER.previous_key, expires_at: '2026-09-01T00:00:00Z' }],
  ])('is unusable with %s %j', (name, value) => refused({ ...ANSWER, [name]: value }));

  it.each(['', 'null', '[]', '7', `"${NEW}"`, `{"key": "${NEW}"`, `[${JSON.stringify(ANSWER)}]`, '\u0000'])(
    'is unusable where it is %j',
    (text) => refused(text),
  );

  it('is unusable where its fields come by a prototype', () =>
    refused(`{"__proto__": ${JSON.stringify(ANSWER)}}`));
});
