import { lookAgain } from '../alerting/pipeline.ts';
import { covers, LONGEST_SILENCE } from '../alerting/silence.ts';
import {
  type AuditEntry,
  type Change,
  formatDuration,
  formatTime,
  KeywardenError,
  type Silence,
} from '../model/index.ts';
import type { Engine } from './engine.ts';
import { allAlerts } from './owed.ts';

/** What somebody asks for; an empty list matches everything. */
export type SilenceRequest = Pick<Silence, 'kind' | 'credential' | 'severity' | 'endsAt' | 'reason'>;

/**
 * Nobody is told of the begin of such alerts until then. What was sent already, or waits to be sent, stays as it is.
 * @throws {KeywardenError} `silence_too_long`
 */
export async function beginSilence(engine: Engine, request: SilenceRequest, actor: string): Promise<Silence> {
  const { clock, newId } = engine.context;
  const createdAt = clock.now();
  const latest = createdAt + LONGEST_SILENCE;
  if (request.endsAt > latest)
    throw new KeywardenError(
      'silence_too_long',
      `a silence lasts for ${formatDuration(LONGEST_SILENCE)} at most, now until ${formatTime(latest)}; silence again when it ends`,
    );
  const silence: Silence = { ...request, id: newId(), createdAt, author: actor };
  await engine.submit([
    { type: 'silence.put', silence },
    audited('silence.begun', silence, { at: silence.createdAt, actor }),
  ]);
  return silence;
}

/**
 * Ends a silence now; what it kept quiet and still holds is told. Nothing where it is over already.
 * @throws {KeywardenError} `unknown_silence`
 */
export async function endSilence(engine: Engine, id: string, actor: string): Promise<Silence> {
  const { state, clock } = engine.context;
  const silence = await state.silence(id);
  if (silence === null) throw new KeywardenError('unknown_silence', `there is no silence ${id.slice(0, 64)}`);
  const now = clock.now();
  if (silence.endsAt <= now) return silence;
  const ended = { ...silence, endsAt: now };
  await engine.submit([
    { type: 'silence.put', silence: ended },
    audited('silence.ended', ended, { at: now, actor }),
  ]);
  // What was kept quiet while this was written is among them then. Were we to die before, the next start looks at all.
  await engine.settled();
  const kept = (await allAlerts(state, true)).filter((alert) => covers(silence, alert));
  await engine.submit(kept.flatMap((alert) => lookAgain(alert, now)));
  return ended;
}

function audited(
  action: 'silence.begun' | 'silence.ended',
  { id, kind, credential, severity, endsAt, reason }: Silence,
  { at, actor }: Pick<AuditEntry, 'at' | 'actor'>,
): Change {
  const detail = {
    silence: id,
    kind: kind.join(', ') || null,
    credential: credential.join(', ') || null,
    severity: severity.join(', ') || null,
    endsAt: formatTime(endsAt),
    reason,
  };
  const [only = null, ...others] = credential;
  return {
    type: 'audit.append',
    entry: { at, actor, action, credential: others.length === 0 ? only : null, detail },
  };
}
