import { expect, onTestFinished, test } from 'vitest';
import { startSandbox, type UserGrant } from '../sandbox/index.ts';
import { Incidents } from './incidents.ts';

const GRANT: UserGrant = {
  id: 'grant_1',
  clientId: 'footage-app',
  scopes: ['asset:download'],
  createdAt: 0,
  refreshes: 0,
  revokedAt: null,
  revokedBecause: null,
};

async function staging(speed: number, grants: UserGrant[] = []) {
  const sandbox = await startSandbox();
  onTestFinished(() => sandbox.close());
  const frameflow = { ...sandbox.frameflow, grants: () => grants };
  const incidents = new Incidents({ ...sandbox, frameflow }, speed);
  return (elapsed: number) => incidents.turn(elapsed, Date.now()).map(({ kind }) => kind);
}

test('attack and intruder come in rounds on a fast clock, once on a slow one', async () => {
  const fast = await staging(86_400);
  const slow = await staging(1);
  expect([fast(6_999), slow(6_999)]).toEqual([[], []]);
  const both = ['auth-failure-spike', 'unregistered-geolocation'];
  expect([fast(10_000), slow(10_000)]).toEqual([both, both]);
  expect([fast(40_000), slow(40_000)]).toEqual([both, []]);
});

test('nobody takes a consent back that was never given: it is waited for', async () => {
  const grants: UserGrant[] = [];
  const turn = await staging(86_400, grants);
  expect(turn(5_000)).toEqual([]);
  grants.push(GRANT);
  expect(turn(5_100)).toEqual([]);
  grants.push(GRANT);
  expect(turn(5_200)).toEqual(['consent-required']);
  expect(turn(36_000)).not.toContain('consent-required');
});
