import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startSandbox } from './index.ts';
import { field, START, world } from './testing/world.ts';

test('closing cuts idle connections that a client keeps open', async () => {
  const sandbox = await startSandbox();
  const { Agent, get } = process.getBuiltinModule('node:https');
  const agent = new Agent({ keepAlive: true });
  const kept = Promise.withResolvers<Socket>();
  get(sandbox.frameflow.url, { ca: sandbox.ca, agent }, (response) => {
    const { socket } = response;
    response.resume().once('end', () => kept.resolve(socket));
  }).once('error', kept.reject);
  const socket = await kept.promise;
  expect(socket.destroyed).toBe(false);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await sandbox.close();
  await gone;
  agent.destroy();
});

test('a sandbox without a key or a client, or with a network that is none, does not start', async () => {
  await expect(startSandbox({ oauth: { clients: [] } })).rejects.toThrow('oauth.clients holds no client');
  await expect(startSandbox({ firstKeys: [] })).rejects.toThrow('firstKeys holds no key');
  await expect(startSandbox({ registeredNetworks: ['here'] })).rejects.toThrow('here is no CIDR block');
});

test('by default the clock is the machine’s', async () => {
  const before = Date.now();
  const sandbox = await startSandbox();
  expect(sandbox.frameflow.keys()[0]?.createdAt).toBeGreaterThanOrEqual(before);
  expect(sandbox.frameflow.keys()[0]?.createdAt).toBeLessThanOrEqual(Date.now());
  await sandbox.close();
});

test('a clock that runs fast may give fractions of a millisecond', async () => {
  const { readLog, sandbox } = await world({ now: () => START + 0.75 });
  const cursor = field(await readLog(), 'next_cursor');
  expect((await readLog(`?cursor=${cursor}`)).status).toBe(200);
  expect(sandbox.frameflow.keys()[0]?.createdAt).toBe(START);
});
