import { describe, expect, test, vi } from 'vitest';
import { type Answer, DAY, field, HOUR, SECOND, START, world } from './testing/world.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const withKey = (value: string) => ({ headers: { 'idempotency-key': value } });
const previous = (answer: Answer) => answer.json.previous_key;

describe('a rotation', () => {
  test('answers 201 with the new key once, and with the old one’s end', async () => {
    const { rotate, search, sandbox } = await world({ tier: 'standard' });
    const answer = await rotate(undefined, { body: { reason: 'scheduled' } });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      key_id: expect.stringMatching(/^key_[A-Za-z0-9]{8}$/),
      key: expect.stringMatching(/^ff_live_[A-Za-z0-9]{16,64}$/),
      tier: 'Standard',
      created_at: iso(START),
      previous_key: {
        key_id: sandbox.frameflow.firstKey.id,
        rotated_at: iso(START),
        expires_at: iso(START + 72 * HOUR),
      },
      request_id: expect.stringMatching(/^req_/),
    });
    expect(answer.headers['x-key-id']).toBe(sandbox.frameflow.firstKey.id);
    expect((await search(field(answer, 'key'))).headers['x-key-id']).toBe(field(answer, 'key_id'));
  });

  test('leaves the old key valid for 72 hours and not a millisecond more', async () => {
    const { rotate, search, advance, sandbox } = await world();
    await rotate();
    advance(72 * HOUR - 1);
    expect((await search()).status).toBe(200);
    expect(sandbox.frameflow.keys()[0]?.state).toBe('retiring');
    advance(1);
    expect((await search()).status).toBe(401);
    expect((await rotate()).status).toBe(401);
    expect(sandbox.frameflow.keys().map((key) => key.state)).toEqual(['expired', 'active']);
  });

  test('by a retiring key mints a further key; its end still counts from the first rotation', async () => {
    const { rotate, search, advance } = await world();
    const first = await rotate();
    advance(10 * HOUR);
    const second = await rotate();
    expect(second.status).toBe(201);
    expect(second.json.created_at).toBe(iso(START + 10 * HOUR));
    expect(second.json.key).not.toBe(first.json.key);
    expect(previous(second)).toEqual(previous(first));
    expect((await search(field(first, 'key'))).status).toBe(200);
    expect((await search(field(second, 'key'))).status).toBe(200);
  });

  test.each([
    ['a body that is no JSON', { body: '{' }, 'invalid_body'],
    ['a body that is no object', { body: '[]' }, 'invalid_body'],
    ['an unknown reason', { body: { reason: 'because' } }, 'invalid_reason'],
    ['an Idempotency-Key of 65 characters', withKey('x'.repeat(65)), 'invalid_idempotency_key'],
  ])('with %s gets 400 and mints nothing', async (_, request, code) => {
    const { rotate, sandbox } = await world();
    const answer = await rotate(undefined, request);
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code });
    expect(sandbox.frameflow.keys()).toHaveLength(1);
  });
});

describe('a repeat with the same Idempotency-Key', () => {
  test('gets the first answer again, the key included, marked as a replay', async () => {
    const { rotate, advance, sandbox } = await world();
    const first = await rotate(undefined, withKey('mint-1'));
    advance(23 * HOUR);
    const again = await rotate(undefined, withKey('mint-1'));
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.status).toBe(201);
    expect(again.json).toEqual(first.json);
    expect(sandbox.frameflow.keys()).toHaveLength(2);
  });

  test('mints anew after 24 hours', async () => {
    const { rotate, advance } = await world();
    const first = await rotate(undefined, withKey('mint-1'));
    advance(DAY);
    const later = await rotate(undefined, withKey('mint-1'));
    expect(later.headers['idempotent-replayed']).toBeUndefined();
    expect(later.json.key).not.toBe(first.json.key);
  });

  test('by another key is no repeat', async () => {
    const { rotate } = await world({
      firstKeys: [{ id: 'key_a' }, { id: 'key_b', value: 'ff_live_bbbbbbbbbbbbbbbbbb' }],
    });
    const first = await rotate(undefined, withKey('mint-1'));
    const other = await rotate('ff_live_bbbbbbbbbbbbbbbbbb', withKey('mint-1'));
    expect(other.headers['idempotent-replayed']).toBeUndefined();
    expect(other.json.key).not.toBe(first.json.key);
  });

  test('while the first is in process gets 409 in_progress, and the first answer afterwards', async () => {
    const { rotate, sandbox } = await world();
    sandbox.admin.setFault({
      service: 'frameflow',
      path: '/v1/auth/rotate',
      fault: { kind: 'delay', ms: 60_000 },
    });
    const slow = rotate(undefined, withKey('mint-1'));
    await vi.waitUntil(() => sandbox.admin.state().faults.length === 0, { interval: 1 });
    const meanwhile = await rotate(undefined, withKey('mint-1'));
    expect(meanwhile.status).toBe(409);
    expect(meanwhile.json.error).toMatchObject({ code: 'in_progress' });
    sandbox.admin.clearFaults();
    const first = await slow;
    const after = await rotate(undefined, withKey('mint-1'));
    expect(after.json).toEqual(first.json);
    expect(sandbox.frameflow.keys()).toHaveLength(2);
  });

  test('mints another key where the account lacks idempotency; rotated_at betrays the first', async () => {
    const { rotate, advance, sandbox } = await world({ idempotency: false });
    const first = await rotate(undefined, withKey('mint-1'));
    advance(60 * SECOND);
    const again = await rotate(undefined, withKey('mint-1'));
    expect(again.headers['idempotent-replayed']).toBeUndefined();
    expect(again.json.key).not.toBe(first.json.key);
    expect(previous(again)).toMatchObject({ rotated_at: iso(START), expires_at: iso(START + 72 * HOUR) });
    expect(sandbox.frameflow.keys()).toHaveLength(3);
  });

  test('is refused like any request once the signing key has expired', async () => {
    const { rotate, advance, sandbox } = await world({ overlapMs: HOUR });
    await rotate(undefined, withKey('mint-1'));
    advance(HOUR);
    expect((await rotate(undefined, withKey('mint-1'))).status).toBe(401);
    expect(sandbox.frameflow.keys()).toHaveLength(2);
  });
});

describe('a fresh key', () => {
  test('is refused with 401 until it has spread', async () => {
    const { rotate, search, advance } = await world({ propagationMs: 30 * SECOND });
    const key = field(await rotate(), 'key');
    expect((await search(key)).status).toBe(401);
    advance(30 * SECOND - 1);
    expect((await search(key)).status).toBe(401);
    advance(1);
    expect((await search(key)).status).toBe(200);
  });

  test('is accepted by one node and refused by the next while it spreads', async () => {
    const { rotate, search, advance } = await world({ propagationMs: 20 * SECOND, nodes: 2 });
    const key = field(await rotate(), 'key');
    advance(10 * SECOND);
    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await search(key)).status);
    expect(statuses.toSorted()).toEqual([200, 200, 401, 401]);
    expect(statuses[0]).not.toBe(statuses[1]);
    advance(10 * SECOND);
    expect((await search(key)).status).toBe(200);
    expect((await search(key)).status).toBe(200);
  });
});
