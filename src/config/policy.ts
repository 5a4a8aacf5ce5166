import { DAY, HOUR } from '../model/index.ts';
import type { ProviderDefaults } from '../providers/contract.ts';
import { providers } from '../providers/index.ts';
import type { RotationPolicy } from '../rotation/policy.ts';
import type { ParsedCredential } from './schema/surface.ts';
import type { ProviderConfig } from './types.ts';

const EVERY = 90 * DAY;
const REMIND_BEFORE = [14 * DAY, 3 * DAY];
const WARN_BEFORE = [24 * HOUR, 6 * HOUR];

/** What holds for every provider of this one's kind. */
export function traitsOf({ kind }: ProviderConfig): ProviderDefaults {
  return providers[kind].defaults;
}

/** When a fresh key of this provider is believed: its own `settle` stands over its kind's, key by key. */
export function settleOf(provider: ProviderConfig): RotationPolicy['settle'] {
  const { settle } = traitsOf(provider);
  const own = 'settle' in provider ? provider.settle : undefined;
  return {
    minimum: own?.minimum ?? settle.minimum,
    budget: own?.budget ?? settle.budget,
    successes: own?.successes ?? settle.successes,
  };
}

/**
 * The whole policy of a credential of this provider. Keys that the provider does not make itself are guided; with a
 * window, overlaps end on weekdays by default.
 */
export function rotationPolicy(
  { rotation = {}, keepAlive, stragglers }: ParsedCredential,
  provider: ProviderConfig,
): RotationPolicy {
  const traits = traitsOf(provider);
  const { every = EVERY, overlap = traits.overlap } = rotation;
  return {
    mode: traits.rotates ? (rotation.mode ?? 'automatic') : 'guided',
    remindBefore: longestFirst(rotation.remindBefore ?? REMIND_BEFORE.filter((before) => before < every)),
    inactivity: traits.inactivity,
    keepAlive: keepAliveOf(keepAlive, traits.inactivity),
    warnBefore: longestFirst(stragglers?.warnBefore ?? WARN_BEFORE.filter((before) => before < overlap)),
    every,
    overlap,
    first: rotation.first ?? 'scheduled',
    issuedAt: rotation.issuedAt ?? null,
    jitter: rotation.jitter ?? 0,
    window: rotation.window ?? null,
    overlapEnd: rotation.overlapEnd ?? (rotation.window === undefined ? 'any' : 'weekdays'),
    settle: settleOf(provider),
  };
}

/** Unless it says otherwise, a key is used once two thirds of the time are over after which it would end. */
function keepAliveOf(keepAlive: ParsedCredential['keepAlive'], inactivity: number | null): number | null {
  if (inactivity === null || keepAlive === 'off' || keepAlive === false) return null;
  return keepAlive ?? (inactivity * 2) / 3;
}

function longestFirst(durations: readonly number[]): readonly number[] {
  return [...new Set(durations)].sort((a, b) => b - a);
}
