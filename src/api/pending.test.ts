import { expect, test } from 'vitest';
import { type Answer, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

const begin = (w: World, subject: string) =>
  call(w.api.address, '/v1/oauth/shop-app/authorizations', {
    method: 'POST',
    token: 'app',
    body: { subject },
  });

const back = ({ json }: Answer) =>
  `/oauth/callback?code=c&state=${new URL(String(json.authorizeUrl)).searchParams.get('state')}`;

const statuses = (answers: readonly Answer[]) => new Set(answers.map(({ status }) => status));

test('a loop that begins consents comes to an end, and an ended one makes room', async () => {
  await using w = await world();
  let last = await begin(w, 'user-0');
  for (let round = 0; round < 25; round += 1) {
    const subjects = Array.from({ length: 40 }, (_, at) => `user-${round}-${at}`);
    const answers = await Promise.all(subjects.map((subject) => begin(w, subject)));
    last = answers.find(({ status }) => status === 201) ?? last;
    if (round < 24) expect(statuses(answers)).toEqual(new Set([201]));
  }
  const refused = await begin(w, 'user-1');
  expect(refused.status).toBe(429);
  expect(refused.json).toMatchObject({
    type: 'urn:keywarden:problem:too-many-consents',
    detail: expect.stringContaining('shop-app has 1000 consents'),
  });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(500);
  expect(w.grants.authorizations.size).toBe(1_000);
  await call(w.api.address, back(last));
  expect((await begin(w, 'user-1')).status).toBe(201);
  expect((await begin(w, 'user-2')).status).toBe(429);
});

test('a user who asks again and again is refused alone', async () => {
  await using w = await world();
  const answers = await Promise.all(Array.from({ length: 8 }, () => begin(w, 'mallory')));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(3);
  const later = await begin(w, 'mallory');
  expect(later.status).toBe(429);
  expect(later.json).toMatchObject({
    type: 'urn:keywarden:problem:too-many-consents',
    detail: expect.stringContaining('this user has 5 consents of shop-app'),
  });
  expect(Number(later.headers['retry-after'])).toBeGreaterThan(500);
  expect((await begin(w, 'victor')).status).toBe(201);
  const begun = answers.find(({ status }) => status === 201);
  if (begun !== undefined) await call(w.api.address, back(begun));
  expect((await begin(w, 'mallory')).status).toBe(201);
});
