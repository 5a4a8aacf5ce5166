import type { ChannelKind } from './contract.ts';
import type { PagerdutyConfig } from './pagerduty/schema.ts';
import type { SlackConfig } from './slack/schema.ts';
import type { WebhookConfig } from './webhook/schema.ts';

/** Every kind of channel; its code and its vendor's client are loaded only where one is configured. */
export const channels: {
  readonly slack: ChannelKind<SlackConfig>;
  readonly pagerduty: ChannelKind<PagerdutyConfig>;
  readonly webhook: ChannelKind<WebhookConfig>;
} = {
  slack: { load: async () => (await import('./slack/adapter.ts')).create },
  pagerduty: { load: async () => (await import('./pagerduty/adapter.ts')).create },
  webhook: { load: async () => (await import('./webhook/adapter.ts')).create },
};
