import { type Alert, type AlertKind, DAY, type Silence } from '../model/index.ts';
import { silenceNotAhead } from './ahead.ts';

/** Whoever wants quiet for longer says so again: a silence that nobody remembers hides what it was never meant for. */
export const LONGEST_SILENCE = 30 * DAY;

/** Keywarden's own faults: who does not hear of them hears of nothing else either. */
const OWN_FAULTS: ReadonlySet<AlertKind> = new Set([
  'channel-failed',
  'state-restored',
  'clock-skew',
  'config-reload-failed',
  'audit-broken',
]);

type Told = Pick<Alert, 'kind' | 'credential' | 'severity'>;

/**
 * Whether the silence is about such an alert; an empty list of it matches everything, but for Keywarden's own faults,
 * which only a silence of their kind is about.
 */
export function covers(silence: Silence, { kind, credential, severity }: Told): boolean {
  const named = silence.kind.length > 0 || !OWN_FAULTS.has(kind);
  return (
    named &&
    allows(silence.kind, kind) &&
    allows(silence.credential, credential) &&
    allows(silence.severity, severity)
  );
}

/**
 * Until when nobody is told of the alert, by the silences that hold now; null: none does. Only what begins or gets worse is
 * muted, never an end.
 *
 * @example mutedUntil(alert, await state.silences(), now) // 1760000000000
 */
export function mutedUntil(alert: Told, silences: readonly Silence[], now: number): number | null {
  const ends = silences
    .map((silence) => silenceNotAhead(silence, now))
    .filter((silence) => silence.endsAt > now && covers(silence, alert));
  return ends.length === 0 ? null : Math.max(...ends.map(({ endsAt }) => endsAt));
}

function allows<T>(list: readonly T[], value: T | undefined): boolean {
  return list.length === 0 || (value !== undefined && list.includes(value));
}
