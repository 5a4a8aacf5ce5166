import { acknowledge } from '../alerting/acknowledge.ts';
import { process as processSignals } from '../alerting/pipeline.ts';
import {
  type Alert,
  type Delivery,
  KeywardenError,
  type Rotation,
  type Secret,
  type Version,
} from '../model/index.ts';
import { admit, describe, nextNumber, type RotationPlan, type RotationRequest } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import { testCandidate } from './adopt.ts';
import { alertingScope } from './commit.ts';
import { named } from './context.ts';
import type { Engine } from './engine.ts';
import { situationOf } from './situation.ts';

/** A command was understood and is not possible now. `inFlight` names the rotation in the way, if one is. */
export class RefusedError extends KeywardenError {
  readonly inFlight: Rotation | null;

  constructor(code: string, message: string, inFlight: Rotation | null = null) {
    super(code, message);
    this.name = 'RefusedError';
    this.inFlight = inFlight;
  }
}

/** What people and programs may ask of a running daemon. Each writes to the state and lets the loop do the rest. */
export class Commands {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What a rotation asked for now would do. Never refused for a rotation in flight. */
  async plan(credential: string, emergency: boolean): Promise<RotationPlan> {
    return describe(await situationOf(this.#engine.context, credential), emergency);
  }

  /**
   * Asks for a rotation now; the same `requestKey` again finds the same rotation.
   * @throws {RefusedError} `rotation_in_flight`, `no_version`
   */
  async rotate(credential: string, request: RotationRequest): Promise<Rotation> {
    const { state, clock, newId } = this.#engine.context;
    const known =
      request.requestKey === null ? null : await state.rotationByRequestKey(credential, request.requestKey);
    if (known !== null) return known;
    const now = clock.now();
    const admission = admit(await situationOf(this.#engine.context, credential), request, newId(), now);
    if (!admission.admitted) {
      throw new RefusedError(
        admission.inFlight === null ? 'no_version' : 'rotation_in_flight',
        `${credential}: ${admission.reason}`,
        admission.inFlight,
      );
    }
    const { rotation } = admission;
    try {
      await this.#engine.submit([
        { type: 'rotation.put', rotation },
        { type: 'work.wake', kind: 'credential', id: credential, at: now },
        {
          type: 'audit.append',
          entry: {
            at: now,
            actor: request.actor,
            action: 'rotation.requested',
            credential,
            detail: { rotation: rotation.id, trigger: rotation.trigger, reason: request.reason },
          },
        },
      ]);
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'conflict') throw error;
      // Somebody else asked in the same moment: say what stands in the way now.
      return this.rotate(credential, request);
    }
    return rotation;
  }

  /** Looks again for the newest working key in the destinations. */
  async adopt(credential: string, actor: string): Promise<void> {
    const { snapshot } = await situationOf(this.#engine.context, credential);
    this.#refuseInFlight(credential, snapshot.open);
    const { clock } = this.#engine.context;
    const now = clock.now();
    await this.#engine.submit([
      { type: 'credential.put', record: { ...snapshot.record, state: 'new', attempts: 0, retryAt: null } },
      { type: 'work.wake', kind: 'credential', id: credential, at: now },
      {
        type: 'audit.append',
        entry: { at: now, actor, action: 'adoption.requested', credential, detail: {} },
      },
    ]);
  }

  /**
   * Tests a key that a person hands over; where the provider accepts it, it becomes the current version everywhere.
   * @throws {RefusedError} `key_refused` where the provider does not accept it
   */
  async adoptValue(credential: string, value: Secret, actor: string): Promise<Version> {
    const { context } = this.#engine;
    const { snapshot } = await situationOf(context, credential);
    this.#refuseInFlight(credential, snapshot.open);
    const fingerprint = context.hash.fingerprint(value);
    const candidate = await testCandidate(
      named(context.plugins.providers, snapshot.record.provider),
      value,
      fingerprint,
    );
    if (candidate.accepted !== true) {
      throw new RefusedError(
        'key_refused',
        `${credential}: ${candidate.failure?.message ?? 'the key is not accepted'}`,
      );
    }
    const known = snapshot.versions.find((version) => version.fingerprint === fingerprint);
    if (known?.state === 'current') return known;
    const now = context.clock.now();
    const version: Version = {
      id: known?.id ?? context.newId(),
      credential,
      number: nextNumber(snapshot.versions),
      keyId: candidate.keyId,
      state: 'pending',
      origin: 'imported',
      fingerprint,
      createdAt: known?.createdAt ?? now,
      expiresAt: null,
    };
    await this.#engine.submit([
      { type: 'version.put', version, value },
      { type: 'work.wake', kind: 'credential', id: credential, at: now },
      {
        type: 'audit.append',
        entry: {
          at: now,
          actor,
          action: 'version.imported',
          credential,
          detail: { keyId: version.keyId, number: version.number },
        },
      },
    ]);
    return version;
  }

  #refuseInFlight(credential: string, open: Rotation | null): void {
    if (open === null) return;
    throw new RefusedError(
      'rotation_in_flight',
      `${credential}: rotation ${open.id} is in ${open.state}`,
      open,
    );
  }

  /** @throws {KeywardenError} `unknown_alert` */
  async acknowledge(alertId: string, actor: string): Promise<Alert> {
    const { context } = this.#engine;
    for (;;) {
      const alert = await context.state.alert(alertId);
      if (alert === null) throw new KeywardenError('unknown_alert', `there is no alert ${alertId}`);
      const deliveries = await context.state.deliveries(alertId);
      try {
        await this.#engine.submit(acknowledge(alert, actor, { ...alertingScope(context), deliveries }));
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
  async testChannel(channel: string, actor: string, waitMs: number): Promise<Delivery> {
    const { context } = this.#engine;
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
        routes: [{ severity: [], kind: [], credential: [], channels: [channel], continue: false }],
      },
    );
    const delivery = changes.flatMap((change) =>
      change.type === 'delivery.put' ? [change.delivery] : [],
    )[0];
    if (delivery === undefined)
      throw new KeywardenError('internal', `the test of ${channel} made no delivery`);
    await this.#engine.submit(changes);
    return this.#settled(delivery, waitMs);
  }

  /** The delivery once it is delivered or has failed an attempt, or as it is when the time is up. */
  async #settled(delivery: Delivery, waitMs: number): Promise<Delivery> {
    const deadline = AbortSignal.timeout(waitMs);
    for (;;) {
      const turned = this.#engine.nextTurn(deadline);
      const latest = (await this.#engine.context.state.delivery(delivery.id)) ?? delivery;
      const answered = latest.lastError !== null && latest.lastError.code !== 'in_flight';
      if (latest.state !== 'pending' || answered || deadline.aborted) return latest;
      await turned;
    }
  }
}
