import { expect, test } from 'vitest';
import { channelsFor, type Route } from './route.ts';

const KINDS = { team: 'slack', oncall: 'pagerduty', siem: 'webhook' };
const ALERT = { kind: 'publish-failed', severity: 'warning', credential: 'frameflow-prod' } as const;

function route(fields: Partial<Route>): Route {
  return { severity: [], kind: [], credential: [], channels: [], continue: false, escalate: null, ...fields };
}

test('the first route that matches decides', () => {
  const routes = [
    route({ severity: ['critical'], channels: ['oncall'] }),
    route({ channels: ['team'] }),
    route({ channels: ['siem'] }),
  ];
  expect(channelsFor(ALERT, routes, KINDS)).toEqual(['team']);
  expect(channelsFor({ ...ALERT, severity: 'critical' }, routes, KINDS)).toEqual(['oncall']);
});

test('a route that continues adds its channels to those of the next, each once', () => {
  const routes = [
    route({ channels: ['siem', 'team'], continue: true }),
    route({ channels: ['team', 'oncall'] }),
    route({ channels: ['nobody'] }),
  ];
  expect(channelsFor(ALERT, routes, KINDS)).toEqual(['siem', 'team', 'oncall']);
});

test('severity, kind and credential must all match', () => {
  const matches = (fields: Partial<Route>) =>
    channelsFor(ALERT, [route({ ...fields, channels: ['team'] })], KINDS).length === 1;
  expect(matches({})).toBe(true);
  expect(
    matches({ severity: ['warning', 'info'], kind: ['publish-failed'], credential: ['frameflow-prod'] }),
  ).toBe(true);
  expect(matches({ severity: ['critical'] })).toBe(false);
  expect(matches({ kind: ['store-drift'] })).toBe(false);
  expect(matches({ credential: ['other'] })).toBe(false);
});

test('a route for a credential does not match an alert about none', () => {
  const routes = [route({ credential: ['frameflow-prod'], channels: ['team'] })];
  expect(channelsFor({ kind: 'log-silence', severity: 'warning' }, routes, KINDS)).toEqual([]);
});

test('a channel that failed is told on the others, on all of them where its route names no other', () => {
  const failed = { kind: 'channel-failed', severity: 'warning', channel: 'team' } as const;
  expect(channelsFor(failed, [route({ channels: ['team', 'siem'] })], KINDS)).toEqual(['siem']);
  expect(channelsFor(failed, [route({ channels: ['team'] })], KINDS)).toEqual(['oncall', 'siem']);
  expect(channelsFor(failed, [], KINDS)).toEqual(['oncall', 'siem']);
  expect(channelsFor(failed, [route({ channels: ['team'] })], { team: 'slack' })).toEqual([]);
});

test('a test goes to the channel it tests', () => {
  const alert = { kind: 'test', severity: 'info', channel: 'oncall' } as const;
  expect(channelsFor(alert, [route({ channels: ['team'] })], KINDS)).toEqual(['oncall']);
});

test('channels that are not configured are left out', () => {
  expect(channelsFor(ALERT, [route({ channels: ['gone', 'team', 'toString'] })], KINDS)).toEqual(['team']);
});
