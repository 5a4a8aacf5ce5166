import { z } from 'zod';
import { connection, secret, url } from '../../model/fields.ts';

export const schema = z.strictObject({
  kind: z.literal('pagerduty'),
  routingKey: secret,
  eventsUrl: url.default('https://events.pagerduty.com'),
  ...connection,
});

export type PagerdutyConfig = z.output<typeof schema>;
