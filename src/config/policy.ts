import { DAY } from '../model/index.ts';
import type { ProviderDefaults } from '../providers/contract.ts';
import { providers } from '../providers/index.ts';
import { defaults as stockflow } from '../providers/stockflow/schema.ts';
import type { RotationPolicy } from '../rotation/policy.ts';
import type { ParsedCredential } from './schema/surface.ts';
import type { ProviderConfig } from './types.ts';

const DEFAULTS: Readonly<Record<ProviderConfig['kind'], ProviderDefaults>> = {
  frameflow: providers.frameflow.defaults,
  stockflow,
};

/** How a key is replaced where the credential says nothing: the provider's own `settle` stands over its kind's. */
export function policyDefaults(provider: ProviderConfig): RotationPolicy {
  const { overlap, settle } = DEFAULTS[provider.kind];
  const own = 'settle' in provider ? provider.settle : undefined;
  return {
    every: 90 * DAY,
    overlap,
    first: 'scheduled',
    issuedAt: null,
    jitter: 0,
    window: null,
    overlapEnd: 'any',
    settle: {
      minimum: own?.minimum ?? settle.minimum,
      budget: own?.budget ?? settle.budget,
      successes: own?.successes ?? settle.successes,
    },
  };
}

/** The whole policy of a credential of this provider. With a window, overlaps end on weekdays by default. */
export function rotationPolicy(
  rotation: ParsedCredential['rotation'],
  provider: ProviderConfig,
): RotationPolicy {
  const defaults = policyDefaults(provider);
  return {
    every: rotation?.every ?? defaults.every,
    overlap: rotation?.overlap ?? defaults.overlap,
    first: rotation?.first ?? defaults.first,
    issuedAt: rotation?.issuedAt ?? defaults.issuedAt,
    jitter: rotation?.jitter ?? defaults.jitter,
    window: rotation?.window ?? defaults.window,
    overlapEnd: rotation?.overlapEnd ?? (rotation?.window === undefined ? defaults.overlapEnd : 'weekdays'),
    settle: defaults.settle,
  };
}
