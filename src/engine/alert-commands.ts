import { acknowledge } from '../alerting/acknowledge.ts';
import { process as processSignals } from '../alerting/pipeline.ts';
import { type Alert, type Delivery, KeywardenError } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { alertingScope } from './commit.ts';
import type { Engine } from './engine.ts';

/** @throws {KeywardenError} `unknown_alert` */
export async function acknowledgeAlert(engine: Engine, alertId: string, actor: string): Promise<Alert> {
  const { context } = engine;
  for (;;) {
    const alert = await context.state.alert(alertId);
    if (alert === null) throw new KeywardenError('unknown_alert', `there is no alert ${alertId}`);
    const deliveries = await context.state.deliveries(alertId);
    try {
      await engine.submit(acknowledge(alert, actor, { ...alertingScope(context), deliveries }));
      return (await context.state.alert(alertId)) ?? alert;
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'conflict') throw error;
    }
  }
}

/**
 * Sends a test message through the real path and waits for the channel's verdict, at most `waitMs` of real time.
 * @throws {KeywardenError} `unknown_channel`
 */
export async function testChannel(
  engine: Engine,
  channel: string,
  actor: string,
  waitMs: number,
): Promise<Delivery> {
  const { context } = engine;
  if (!context.plugins.channels.has(channel)) {
    throw new KeywardenError('unknown_channel', `no channel is configured under the name ${channel}`);
  }
  const scope = alertingScope(context);
  const changes = processSignals(
    [
      {
        type: 'raise',
        kind: 'test',
        severity: 'info',
        channel,
        condition: context.newId(),
        at: scope.now,
        title: `Test of the channel ${channel}`,
        summary: `${actor} asked for it. Nothing is wrong and nothing is to be done.`,
        action: null,
        deadline: null,
        evidence: {},
        transient: true,
      },
    ],
    [],
    {
      ...scope,
      deliveries: [],
      silences: [],
      open: [],
      routes: [
        { severity: [], kind: [], credential: [], channels: [channel], continue: false, escalate: null },
      ],
    },
  );
  const delivery = changes.flatMap((change) => (change.type === 'delivery.put' ? [change.delivery] : []))[0];
  if (delivery === undefined) throw new KeywardenError('internal', `the test of ${channel} made no delivery`);
  await engine.submit(changes);
  return settled(engine, delivery, waitMs);
}

/** The delivery once it is delivered or has failed an attempt, or as it is when the time is up. */
async function settled(engine: Engine, delivery: Delivery, waitMs: number): Promise<Delivery> {
  const deadline = AbortSignal.timeout(waitMs);
  for (;;) {
    const turned = engine.nextTurn(deadline);
    const latest = (await engine.context.state.delivery(delivery.id)) ?? delivery;
    const answered = latest.lastError !== null && latest.lastError.code !== 'in_flight';
    if (latest.state !== 'pending' || answered || deadline.aborted) return latest;
    await turned;
  }
}
