import { orphans } from '../alerting/orphans.ts';
import {
  type Alert,
  type Change,
  type CredentialRecord,
  type Delivery,
  formatTime,
  KeywardenError,
  type Rotation,
  type Secret,
  type Silence,
  type Version,
} from '../model/index.ts';
import {
  abandon,
  admit,
  compromise,
  currentVersion,
  describe,
  type Folded,
  foldReport,
  type RotationPlan,
  type RotationRequest,
  retireByHand,
  retry,
  rollBack,
  type Situation,
  type Way,
} from '../rotation/index.ts';
import { acknowledgeAlert, testChannel } from './alert-commands.ts';
import { audited, type Decision, decide, RefusedError } from './decide.ts';
import type { Engine } from './engine.ts';
import { handOver, makeRoom } from './hand-over.ts';
import { type IncidentRequest, reportIncident } from './incident-commands.ts';
import { allAlerts } from './owed.ts';
import { timeOf } from './provider-time.ts';
import { beginSilence, endSilence, type SilenceRequest } from './silence-commands.ts';
import { situationOf } from './situation.ts';

export { RefusedError } from './decide.ts';

/** What people and programs may ask of a running daemon. Each writes to the state and lets the loop do the rest. */
export class Commands {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What a rotation asked for now would do. Never refused for a rotation in flight. */
  async plan(credential: string, emergency: boolean): Promise<RotationPlan> {
    const { context } = this.#engine;
    return describe(await situationOf(context, credential), emergency, timeOf(context, credential));
  }

  /**
   * Asks for a rotation now; the same `requestKey` again finds the same rotation.
   * @throws {RefusedError} `rotation_in_flight`, `overlap_open`, `no_version`, `guided`, `request_key_reused`
   */
  async rotate(credential: string, request: RotationRequest): Promise<Rotation> {
    const { state, newId } = this.#engine.context;
    const known =
      request.requestKey === null ? null : await state.rotationByRequestKey(credential, request.requestKey);
    if (known !== null) return sameRequest(known, request);
    return decide(this.#engine, credential, (situation, now) => {
      const admission = admit(situation, request, newId(), now);
      if (!admission.admitted) {
        throw new RefusedError(admission.code, `${credential}: ${admission.reason}`, admission.inFlight);
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
    await decide(this.#engine, credential, (situation, now) => {
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
   * @throws {RefusedError} `key_refused` where the provider does not accept it, `mismatch` where it is of another kind than
   * the current one, `rotation_in_flight`
   */
  async adoptValue(credential: string, value: Secret, actor: string): Promise<Version> {
    return handOver(this.#engine, credential, value, actor);
  }

  /**
   * Tries the step of a rotation again at once.
   * @throws {KeywardenError} `unknown_rotation`; {@link RefusedError} `not_possible`
   */
  async retry(rotationId: string, actor: string): Promise<Rotation> {
    return this.#onRotation(rotationId, (situation, rotation, now) => retry(situation, rotation, actor, now));
  }

  /**
   * Ends a rotation that needs a person. What was published stays.
   * @throws {KeywardenError} `unknown_rotation`; {@link RefusedError} `not_possible`
   */
  async abandon(rotationId: string, actor: string): Promise<Rotation> {
    return this.#onRotation(rotationId, (situation, rotation, now) =>
      abandon(situation, rotation, actor, now),
    );
  }

  /**
   * The key (null: the current one) is known to others: it is replaced at once, where it is the current one, and its
   * exposure is reminded of until the provider refuses it.
   * @throws {KeywardenError} `unknown_key`; {@link RefusedError} `not_possible`
   */
  async compromise(
    credential: string,
    request: { readonly keyId: string | null; readonly reason: string | null; readonly actor: string },
  ): Promise<{ readonly version: Version; readonly rotation: Rotation | null }> {
    const rotationId = this.#engine.context.newId();
    return decide(this.#engine, credential, (situation, now) => {
      const { versions } = situation.snapshot;
      const version =
        request.keyId === null
          ? currentVersion(versions)
          : versions.find(({ keyId }) => keyId === request.keyId);
      if (!version) {
        const what = request.keyId === null ? 'no current key' : `no key ${request.keyId}`;
        throw new KeywardenError('unknown_key', `${credential} has ${what}`);
      }
      const made = compromise(situation, version, { ...request, rotationId }, now);
      if ('refused' in made) throw new RefusedError('not_possible', made.refused);
      return { ...made, result: { version: made.version, rotation: made.rotation } };
    });
  }

  /**
   * Publishes the previous version again, until `until` (null: as long as the overlap allows).
   * @throws {RefusedError} `not_possible`
   */
  async rollback(
    credential: string,
    request: { readonly until: number | null; readonly reason: string | null; readonly actor: string },
  ): Promise<Rotation> {
    return decide(this.#engine, credential, (situation, now) => {
      const made = possible(rollBack(situation, request, now), situation);
      return { ...made, result: rotationIn(made, situation.snapshot.open) };
    });
  }

  /** No scheduled rotation until then (null: until somebody resumes); a current key that is ending goes before. */
  async pause(
    credential: string,
    request: { readonly until: number | null; readonly reason: string | null; readonly actor: string },
  ): Promise<CredentialRecord> {
    const { until, reason, actor } = request;
    return decide(this.#engine, credential, ({ snapshot }, now) => {
      if (until !== null && until <= now)
        throw new RefusedError('not_possible', `${credential}: ${formatTime(until)} has passed already`);
      const record = { ...snapshot.record, pause: { until, reason, actor, since: now } };
      const detail = { until: until === null ? null : formatTime(until), reason };
      return withRecord(record, audited(now, actor, 'credential.paused', credential, detail));
    });
  }

  async resume(credential: string, actor: string): Promise<CredentialRecord> {
    return decide(this.#engine, credential, ({ snapshot }, now) => {
      if (snapshot.record.pause === null) return { result: snapshot.record, changes: [] };
      const record = { ...snapshot.record, pause: null };
      return withRecord(record, audited(now, actor, 'credential.resumed', credential, {}));
    });
  }

  /**
   * A person revoked this version (its id or number) at the provider.
   * @throws {KeywardenError} `unknown_version`; {@link RefusedError} `not_possible` for the current version
   */
  async retire(credential: string, idOrNumber: string, actor: string): Promise<Version> {
    return decide(this.#engine, credential, (situation, now) => {
      const version = situation.snapshot.versions.find(
        ({ id, number }) => id === idOrNumber || String(number) === idOrNumber,
      );
      if (version === undefined)
        throw new KeywardenError(
          'unknown_version',
          `${credential} has no version ${idOrNumber.slice(0, 64)}`,
        );
      const made = possible(retireByHand(version, actor, now), situation);
      return { ...made, result: { ...version, state: 'retired' as const } };
    });
  }

  /**
   * An agent says which version (by number) of a credential it holds; null: it ends.
   * @throws {KeywardenError} `unknown_credential`
   */
  async report(credential: string, agent: string, number: number | null): Promise<void> {
    await decide(this.#engine, credential, (situation, now) => ({
      result: null,
      ...foldReport(situation, { agent, number }, now),
    }));
  }

  /**
   * Purges a credential that the configuration no longer names: its keys are gone for good.
   * @throws {RefusedError} `still_configured`; {@link KeywardenError} `unknown_credential`
   */
  async forget(credential: string, actor: string): Promise<void> {
    const { config, state, spool, clock } = this.#engine.context;
    if (config.credentials[credential] !== undefined) {
      throw new RefusedError(
        'still_configured',
        `${credential} is configured; take it out of the configuration and restart before its keys are purged`,
      );
    }
    if ((await state.credential(credential)) === null)
      throw new KeywardenError(
        'unknown_credential',
        `the state knows no credential ${credential}; \`keywarden status\` lists them`,
      );
    await spool.clear(credential);
    const alerts = (await allAlerts(state, true)).filter((alert) => alert.credential === credential);
    const nothing = { credentials: {}, clients: [], monitors: Object.keys(config.monitors), channels: [] };
    await this.#engine.submit(
      [
        { type: 'credential.forget', name: credential },
        audited(clock.now(), actor, 'credential.forgotten', credential, {}),
      ],
      orphans(alerts, nothing, clock.now()),
    );
  }

  /** @throws {KeywardenError} `unknown_alert` */
  async acknowledge(alertId: string, actor: string): Promise<Alert> {
    return acknowledgeAlert(this.#engine, alertId, actor);
  }

  /**
   * The report of a security alert for the provider; `sent` starts the time in which it shall answer, `answered` ends it.
   * @throws {KeywardenError} `unknown_alert`, `not_reportable`
   */
  async incident(
    alertId: string,
    request: IncidentRequest,
    actor: string,
  ): Promise<{ readonly alert: Alert; readonly report: string }> {
    return reportIncident(this.#engine, alertId, request, actor);
  }

  /** @throws {KeywardenError} `silence_too_long` */
  async silence(request: SilenceRequest, actor: string): Promise<Silence> {
    return beginSilence(this.#engine, request, actor);
  }

  /** @throws {KeywardenError} `unknown_silence` */
  async unsilence(id: string, actor: string): Promise<Silence> {
    return endSilence(this.#engine, id, actor);
  }

  /**
   * Sends a test message through the real path and waits for the channel's verdict, at most `waitMs` of real time.
   * @throws {KeywardenError} `unknown_channel`
   */
  async testChannel(channel: string, actor: string, waitMs: number): Promise<Delivery> {
    return testChannel(this.#engine, channel, actor, waitMs);
  }

  async #onRotation(
    rotationId: string,
    way: (situation: Situation, rotation: Rotation, now: number) => Way,
  ): Promise<Rotation> {
    const { state } = this.#engine.context;
    const known = await state.rotation(rotationId);
    if (known === null)
      throw new KeywardenError('unknown_rotation', `there is no rotation ${rotationId.slice(0, 64)}`);
    return decide(this.#engine, known.credential, (situation, now) => {
      const rotation = situation.snapshot.open?.id === rotationId ? situation.snapshot.open : known;
      const made = possible(way(situation, rotation, now), situation);
      return { ...made, result: rotationIn(made, rotation) };
    });
  }
}

/** @throws {RefusedError} `not_possible` */
function possible(way: Way, { snapshot }: Situation): Folded {
  if (!('refused' in way)) return way;
  throw new RefusedError('not_possible', way.refused, snapshot.open);
}

/** The rotation as these changes leave it. */
function rotationIn({ changes }: Folded, before: Rotation | null): Rotation {
  const put = changes.findLast((change) => change.type === 'rotation.put');
  const rotation = put?.rotation ?? before;
  if (rotation === null) throw new TypeError('the command concerns no rotation');
  return rotation;
}

function withRecord(record: CredentialRecord, entry: Change): Decision<CredentialRecord> {
  return { result: record, changes: [{ type: 'credential.put', record }, entry] };
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
