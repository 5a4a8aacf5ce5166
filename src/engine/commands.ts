import { acknowledge } from '../alerting/acknowledge.ts';
import { process as processSignals } from '../alerting/pipeline.ts';
import {
  type Alert,
  type AuditEntry,
  type Change,
  type Delivery,
  KeywardenError,
  type Rotation,
  type Secret,
  type Signal,
  type Version,
} from '../model/index.ts';
import {
  admit,
  describe,
  type Folded,
  giveUpUnsent,
  nextNumber,
  type RotationPlan,
  type RotationRequest,
  type Situation,
} from '../rotation/index.ts';
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

/** What a command decided on what it read: nothing to change means that it is so already. */
type Decision<T> = {
  readonly result: T;
  readonly changes: readonly Change[];
  readonly signals?: readonly Signal[];
};

/** So often in succession the credential may change under a command before it gives up. */
const DECIDE_LIMIT = 10;

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
   * @throws {RefusedError} `rotation_in_flight`, `no_version`, `request_key_reused`
   */
  async rotate(credential: string, request: RotationRequest): Promise<Rotation> {
    const { state, newId } = this.#engine.context;
    const known =
      request.requestKey === null ? null : await state.rotationByRequestKey(credential, request.requestKey);
    if (known !== null) return sameRequest(known, request);
    return this.#decide(credential, (situation, now) => {
      const admission = admit(situation, request, newId(), now);
      if (!admission.admitted) {
        throw new RefusedError(
          admission.inFlight === null ? 'no_version' : 'rotation_in_flight',
          `${credential}: ${admission.reason}`,
          admission.inFlight,
        );
      }
      const { rotation } = admission;
      const detail = { rotation: rotation.id, trigger: rotation.trigger, reason: request.reason };
      return {
        result: rotation,
        changes: [
          { type: 'rotation.put', rotation },
          audited(now, request.actor, 'rotation.requested', credential, detail),
        ],
      };
    });
  }

  /** Looks again for the newest working key in the destinations. A rotation that has not sent anything yet is given up. */
  async adopt(credential: string, actor: string): Promise<void> {
    await this.#decide(credential, (situation, now) => {
      const room = makeRoom(situation, actor, now);
      const record = { ...situation.snapshot.record, state: 'new' as const, attempts: 0, retryAt: null };
      return {
        result: null,
        changes: [
          ...room.changes,
          { type: 'credential.put', record },
          audited(now, actor, 'adoption.requested', credential, {}),
        ],
        signals: room.signals,
      };
    });
  }

  /**
   * Tests a key that a person hands over; where the provider accepts it, it becomes the current version everywhere.
   * @throws {RefusedError} `key_refused` where the provider does not accept it, `rotation_in_flight`
   */
  async adoptValue(credential: string, value: Secret, actor: string): Promise<Version> {
    const { context } = this.#engine;
    const { snapshot } = await situationOf(context, credential);
    const fingerprint = context.hash.fingerprint(value);
    const provider = named(context.plugins.providers, snapshot.record.provider);
    const { accepted, failure, keyId } = await testCandidate(provider, value, fingerprint);
    if (accepted !== true) {
      throw new RefusedError(
        'key_refused',
        `${credential}: ${failure?.message ?? 'the key is not accepted'}`,
      );
    }
    return this.#decide(credential, (situation, now) => {
      const { versions } = situation.snapshot;
      const known = versions.find((version) => version.fingerprint === fingerprint);
      if (known?.state === 'current') return { result: known, changes: [] };
      const room = makeRoom(situation, actor, now);
      const version: Version = {
        id: known?.id ?? context.newId(),
        credential,
        number: nextNumber(versions),
        keyId,
        state: 'pending',
        origin: 'imported',
        fingerprint,
        createdAt: known?.createdAt ?? now,
        expiresAt: known?.expiresAt ?? null,
      };
      const detail = { keyId, number: version.number };
      return {
        result: version,
        changes: [
          ...room.changes,
          { type: 'version.put', version, value },
          audited(now, actor, 'version.imported', credential, detail),
        ],
        signals: room.signals,
      };
    });
  }

  /** Reads, decides, and commits only where nobody has changed the credential meanwhile; else once more. */
  async #decide<T>(
    credential: string,
    decide: (situation: Situation, now: number) => Decision<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const { context } = this.#engine;
      const situation = await situationOf(context, credential);
      const now = context.clock.now();
      const { result, changes, signals = [] } = decide(situation, now);
      if (changes.length === 0) return result;
      const { revision } = situation.snapshot;
      try {
        await this.#engine.submit(
          [
            { type: 'credential.expect', name: credential, revision },
            ...changes,
            { type: 'work.wake', kind: 'credential', id: credential, at: now },
          ],
          signals,
        );
        return result;
      } catch (error) {
        const moved = error instanceof StateError && (error.code === 'stale' || error.code === 'conflict');
        if (!moved || attempt === DECIDE_LIMIT) throw error;
      }
    }
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

function audited(
  at: number,
  actor: string,
  action: string,
  credential: string,
  detail: AuditEntry['detail'],
): Change {
  return { type: 'audit.append', entry: { at, actor, action, credential, detail } };
}

/** @throws {RefusedError} `request_key_reused` where the key was used to ask for something else */
function sameRequest(known: Rotation, { emergency, reason }: RotationRequest): Rotation {
  if ((known.trigger === 'emergency') === emergency && known.reason === reason) return known;
  throw new RefusedError(
    'request_key_reused',
    `this Idempotency-Key asked for rotation ${known.id} before, with another body; use a new one`,
    known,
  );
}

/** @throws {RefusedError} `rotation_in_flight` where the open rotation has gone too far to be given up */
function makeRoom(situation: Situation, actor: string, now: number): Pick<Folded, 'changes' | 'signals'> {
  const { open, record } = situation.snapshot;
  const room = open === null ? { changes: [], signals: [] } : giveUpUnsent(situation, actor, now);
  if (room !== null) return room;
  throw new RefusedError(
    'rotation_in_flight',
    `${record.name}: rotation ${open?.id} is in ${open?.state}`,
    open,
  );
}
