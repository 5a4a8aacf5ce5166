import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { ProviderKind } from './contract.ts';
import type { FrameflowConfig } from './frameflow/schema.ts';

/** Every kind of provider by the name it has in the configuration. Light to import: adapters load on demand. */
export const providers = {
  frameflow: {
    defaults: { overlap: 72 * HOUR, settle: { minimum: 30 * SECOND, budget: 2 * MINUTE, successes: 2 } },
    load: async () => (await import('./frameflow/adapter.ts')).create,
  } satisfies ProviderKind<FrameflowConfig>,
};
