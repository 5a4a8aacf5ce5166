import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { ProviderKind } from './contract.ts';
import type { FrameflowConfig } from './frameflow/schema.ts';
import type { Oauth2Config } from './oauth2/schema.ts';
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
    oauth: {
      defaults: { refreshLifetime: 90 * DAY },
      load: async () => (await import('./frameflow/oauth.ts')).create,
    },
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
    oauth: null,
  } satisfies ProviderKind<StockflowConfig>,
  oauth2: {
    // It issues no keys.
    defaults: {
      overlap: 0,
      settle: { minimum: 0, budget: 2 * MINUTE, successes: 1 },
      rotates: false,
      hasLog: false,
      inactivity: null,
    },
    load: null,
    oauth: {
      defaults: { refreshLifetime: 90 * DAY },
      load: async () => (await import('./oauth2/client.ts')).create,
    },
  } satisfies ProviderKind<Oauth2Config>,
};
