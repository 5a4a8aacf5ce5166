import { expect, test } from 'vitest';
import { channels } from './index.ts';

test('every kind loads its adapter when asked', async () => {
  const adapters = await Promise.all([
    import('./slack/adapter.ts'),
    import('./pagerduty/adapter.ts'),
    import('./webhook/adapter.ts'),
  ]);
  expect(await channels.slack.load()).toBe(adapters[0].create);
  expect(await channels.pagerduty.load()).toBe(adapters[1].create);
  expect(await channels.webhook.load()).toBe(adapters[2].create);
});
