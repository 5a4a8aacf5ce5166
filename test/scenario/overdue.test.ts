import { expect, test } from 'vitest';
import { DAY, HOUR } from '../../src/model/index.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld } from '../support/world.ts';

test('a key that is not replaced is told as overdue a tenth of its period later, and its end is told', async () => {
  const world = await makeWorld({ monitor: null });
  await world.advance('89d');
  await world.stop();
  world.vaultServer.sealed = true;
  await world.advance(10 * DAY - HOUR);
  await world.start();
  await world.advance('30m');
  expect(await world.alerts('rotation-overdue')).toEqual([]);
  await world.advance('45m');
  expect(await world.alerts('rotation-overdue')).toMatchObject([
    { severity: 'warning', state: 'triggered', evidence: { stuck: false, paused: false } },
  ]);
  const [alert] = await world.alerts('rotation-overdue');
  expect(alert?.summary).toContain(`Rotation ${(await world.rotation()).id} is in minting`);
  world.vaultServer.sealed = false;
  await world.advance('15m');
  expect(world.slack.counts()).toMatchObject({ 'rotation-overdue': 1, 'rotation-overdue resolved': 1 });
});

test('a paused credential is told as overdue all the same, with who paused it', async () => {
  const world = await makeWorld({ monitor: null });
  const { record } = await world.credential();
  const pause = { until: null, reason: 'release freeze', actor: 'ops', since: world.time };
  await world.state.commit([{ type: 'credential.put', record: { ...record, pause } }]);
  await world.advance('100d');
  expect(await world.rotations()).toEqual([]);
  const [alert] = await world.alerts('rotation-overdue');
  expect(alert).toMatchObject({
    state: 'triggered',
    action: `Have it rotated again: \`keywarden resume ${CREDENTIAL}\``,
  });
  expect(alert?.summary).toContain('ops paused it');
  expect(alert?.summary).toContain('release freeze');
});

test('a credential whose due record is gone is told as overdue, and that nothing will ever look at it', async () => {
  const world = await makeWorld({ monitor: null });
  await world.state.commit([{ type: 'work.delete', kind: 'credential', id: CREDENTIAL }]);
  await world.advance('100d');
  expect(await world.rotations()).toEqual([]);
  const [alert] = await world.alerts('rotation-overdue');
  expect(alert).toMatchObject({ state: 'triggered', evidence: { stuck: true } });
  expect(alert?.summary).toContain('It has no due record');
  await world.restart();
  await world.advance('20m');
  expect(await world.alerts('rotation-overdue')).toMatchObject([{ state: 'resolved' }]);
});
