import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { ProviderKind } from './contract.ts';
import type { FrameflowConfig } from './frameflow/schema.ts';
import type { StockflowConfig } from './stockflow/schema.ts';

/** Every kind of provider by the name it has in the configuration. Light to import: adapters load on demand. */
export const providers = {
  frameflow: {
    defaults: {
      overlap: 72 * HOUR,
      settle: { minimum: 30 * SECOND, budget: 2 * MINUTE, successes: 2 },
      rotates: true,
      hasLog: true,
      inactivity: null,
    },
    load: async () => (await import('./frameflow/adapter.ts')).create,
  } satisfies ProviderKind<FrameflowConfig>,
  stockflow: {
    defaults: {
      // Nothing is stated of an overlap: a person revokes the old key. Three days leave time for it.
      overlap: 72 * HOUR,
      settle: { minimum: 0, budget: 2 * MINUTE, successes: 1 },
      rotates: false,
      hasLog: false,
      inactivity: 90 * DAY,
    },
    load: async () => (await import('./stockflow/adapter.ts')).create,
  } satisfies ProviderKind<StockflowConfig>,
};
