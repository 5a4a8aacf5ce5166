import { expect, test } from 'vitest';
import { type Failure, MINUTE, SECOND } from '../../model/index.ts';
import { CLIENT, makeWorld, type World } from './testing/world.ts';

const LIMITED: Failure = { code: 'rate_limited', verdict: 'retryable', message: '429', retryAfterMs: MINUTE };
const REFUSED: Failure = { code: 'invalid_client', verdict: 'permanent', message: 'the secret is wrong' };

/** The user comes back from the server with a code. */
async function comesBack(world: World, subject: string) {
  const { grants } = world.engine;
  const request = { subject, returnUrl: null, actor: 'test' };
  const { authorizeUrl } = await grants.begin(CLIENT, request);
  const state = new URL(authorizeUrl).searchParams.get('state') ?? '';
  return grants.callback(new URLSearchParams({ state, code: `code-${subject}` }));
}

test('codes keep to the client’s rate, and go before grants', async () => {
  const world = await makeWorld({ requestsPerMinute: 60 });
  const users = Array.from({ length: 15 }, (_, index) => `user-${index}`);
  const ended = Promise.all(users.map((user) => comesBack(world, user)));
  await world.arrived(10);
  await world.rest();
  await world.moveIn('another');
  for (let second = 0; second < 12; second += 1) await world.advance(SECOND);
  expect((await ended).map(({ state }) => state)).toEqual(users.map(() => 'completed'));
  const codes = world.server.presented.slice(0, 15);
  expect(codes.every((presented) => presented.startsWith('code-'))).toBe(true);
  expect(world.server.presented.at(15)).toMatch(/^refresh-/);
});

test('a code that comes where the rate is spent waits for its place', async () => {
  const world = await makeWorld({ requestsPerMinute: 60 });
  const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
  const ended = Promise.all(users.map((user) => comesBack(world, user)));
  await world.arrived(10);
  await world.rest();
  expect(world.server.presented).toHaveLength(10);
  for (let second = 0; second < 4; second += 1) await world.advance(SECOND);
  expect(await ended).toHaveLength(12);
});

test('a server that is over its limit at a code is left alone by codes and grants until it says', async () => {
  const world = await makeWorld();
  world.server.inject(LIMITED);
  const ended = comesBack(world, 'user-1');
  await expect.poll(async () => (await world.state.client(CLIENT)).record?.pause?.why).toBe('rate-limited');
  await world.moveIn('user-2');
  const other = comesBack(world, 'user-3');
  // Both wait for the end of the pause.
  const waits = async () => {
    const due = (await world.state.scheduled('authorization')).map(({ dueAt }) => dueAt - world.clock.now());
    return due.length === 2 && due.every((ms) => ms > 50 * SECOND && ms <= MINUTE);
  };
  await expect.poll(waits).toBe(true);
  await world.advance(50 * SECOND);
  expect(world.server.presented).toEqual(['code-user-1']);
  await world.advance(11 * SECOND);
  await world.advance(2 * MINUTE);
  expect([(await ended).state, (await other).state]).toEqual(['completed', 'completed']);
  expect((await world.grant('user-2')).generation).toBe(1);
});

test('a client whose secret is refused at a code is told of, and its grants stand still', async () => {
  const world = await makeWorld();
  world.server.inject(REFUSED);
  expect(await comesBack(world, 'user-1')).toMatchObject({ state: 'failed' });
  await world.moveIn('user-2');
  await world.rest();
  expect(world.server.presented).toEqual(['code-user-1']);
  expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['refresh-failed']);
});

test('the answer to a code is offered to the state until that takes it', async () => {
  const world = await makeWorld();
  world.refuse(2, (changes) =>
    changes.some((change) => change.type === 'authorization.put' && Boolean(change.secrets?.answer)),
  );
  const ended = comesBack(world, 'user-1');
  await world.arrived(1);
  for (let second = 0; second < 5; second += 1) await world.advance(SECOND);
  expect((await ended).state).toBe('completed');
  expect(world.server.presented).toEqual(['code-user-1']);
});
