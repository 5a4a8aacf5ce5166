import { describe, expect, it } from 'vitest';
import { parseLogEvent } from './log-event.ts';

const RAW = {
  id: 'evt_1',
  time: '2026-10-01T09:00:00.250Z',
  key_id: 'key_7Qm2',
  ip: '203.0.113.7',
  geo: { country: 'de', city: 'Köln', latitude: 50.94, longitude: 6.96 },
  method: 'POST',
  path: '/v1/auth/rotate',
  status: 201,
  user_agent: 'footage/1.0',
  minted_key_id: 'key_8Rn3',
  request_id: 'req_9',
  unheard_of: { deep: [1, 2, 3] },
};

const parse = (change: object = {}) => parseLogEvent(JSON.parse(JSON.stringify({ ...RAW, ...change })));

describe('an entry of the log', () => {
  it('is read field by field', () => {
    expect(parse()).toEqual({
      id: 'evt_1',
      time: Date.UTC(2026, 9, 1, 9, 0, 0, 250),
      keyId: 'key_7Qm2',
      ip: '203.0.113.7',
      geo: { country: 'DE', city: 'Köln', latitude: 50.94, longitude: 6.96 },
      method: 'POST',
      path: '/v1/auth/rotate',
      status: 201,
      userAgent: 'footage/1.0',
      mintedKeyId: 'key_8Rn3',
      requestId: 'req_9',
    });
  });

  it('may lack what FrameFlow does not promise', () => {
    const { id, time, ip, method, path, status } = RAW;
    expect(parseLogEvent({ id, time, ip, method, path, status })).toMatchObject({
      keyId: null,
      geo: null,
      userAgent: null,
      mintedKeyId: null,
      requestId: null,
    });
    expect(parse({ key_id: null, geo: null, user_agent: null })).toMatchObject({ keyId: null, geo: null });
  });

  it.each([null, undefined, 7, 'text', true, [], [RAW], {}, Object.create(null)])(
    'cannot be read where it is %j',
    (raw) => {
      expect(parseLogEvent(raw)).toBe(null);
    },
  );

  it.each(['id', 'time', 'ip', 'method', 'path', 'status'])(
    'cannot be read without %s, or with a wrong type there',
    (name) => {
      for (const value of [undefined, null, {}, [], true, 12.5]) expect(parse({ [name]: value })).toBe(null);
    },
  );

  it.each([
    ['id', ''],
    ['id', 'x'.repeat(129)],
    ['id', 'evt\u0000'],
    ['id', 'ff_live_0123456789abcdef'],
    ['time', '2026-02-30T00:00:00Z'],
    ['time', 1_790_000_000_000],
    ['ip', '203.0.113.256'],
    ['ip', 'localhost'],
    ['ip', 'fe80::1%eth0'],
    ['ip', '1'.repeat(100_000)],
    ['status', 99],
    ['status', 1_000],
    ['status', '200'],
    ['key_id', 5],
    ['key_id', ''],
    ['key_id', 'ff_live_0123456789abcdef'],
  ])('cannot be read with %s %.30j', (name, value) => {
    expect(parse({ [name]: value })).toBe(null);
  });

  it('says that there was no TLS only where the log does', () => {
    expect(parse({ status: 403, type: 'plaintext_attempt' })?.plaintext).toBe(true);
    expect(parse({ status: 403, type: 'else' })).not.toHaveProperty('plaintext');
  });

  it('takes IPv6', () => {
    expect(parse({ ip: '2001:db8::1' })?.ip).toBe('2001:db8::1');
  });

  it('stays readable whatever a caller puts into the fields it chooses, so that nobody hides by it', () => {
    const long = 'a'.repeat(1_000_000);
    const odd = parse({ method: `GET\u001b[2J`, path: long, user_agent: `x\r\n\u202ey\ud83d` });
    expect(odd?.method).toBe('GET\ufffd[2J');
    expect(odd?.path).toBe(`${'a'.repeat(511)}…`);
    expect(odd?.userAgent).toBe('x\ufffd\ufffd\ufffdy\ufffd');
    expect(parse({ method: 'M'.repeat(50) })?.method).toHaveLength(32);
    expect(parse({ user_agent: 17, minted_key_id: 17, request_id: 'a b' })).toMatchObject({
      userAgent: null,
      mintedKeyId: null,
      requestId: null,
    });
  });

  it('shows no key that stands in a path or a user agent', () => {
    const event = parse({
      path: '/v1/x?key=ff_live_Planted0Planted0&a=b',
      user_agent: 'curl ff_live_Planted0Planted0',
    });
    expect([event?.path, event?.userAgent]).toEqual([
      '/v1/x?key=ff_live_[redacted]&a=b',
      'curl ff_live_[redacted]',
    ]);
    const atTheCut = parse({ path: `/${'a'.repeat(490)}ff_live_Planted0Planted0Planted0` });
    expect(atTheCut?.path).not.toContain('Planted');
  });

  it.each([
    [{ country: 'Germany' }],
    [{ country: 'D' }],
    [{ country: '12' }],
    [{ country: 5 }],
    [{ city: 'Köln' }],
    ['DE'],
    [[]],
  ])('has no place where its country is none: %j', (geo) => {
    expect(parse({ geo })?.geo).toBe(null);
  });

  it('has a place without what is wrong in it', () => {
    const geo = { country: 'de', city: 7, latitude: 91, longitude: '6.9' };
    expect(parse({ geo })?.geo).toEqual({ country: 'DE', city: null, latitude: null, longitude: null });
    expect(parse({ geo: { country: 'DE', latitude: -90, longitude: 180 } })?.geo).toMatchObject({
      latitude: -90,
      longitude: 180,
    });
    expect(parse({ geo: { country: 'DE', city: `${'ö'.repeat(200)}` } })?.geo?.city).toHaveLength(100);
  });

  it('cannot reach the prototype of anything', () => {
    const raw = JSON.parse(
      `{"__proto__": ${JSON.stringify(RAW)}, "constructor": {"prototype": {"polluted": true}}}`,
    );
    expect(parseLogEvent(raw)).toBe(null);
    const event = parseLogEvent(
      JSON.parse(JSON.stringify(RAW).replace('{', '{"__proto__": {"polluted": true}, ')),
    );
    expect(event?.id).toBe('evt_1');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect((event as object as { polluted?: boolean }).polluted).toBe(undefined);
  });
});
