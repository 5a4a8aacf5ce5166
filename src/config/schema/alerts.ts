import { z } from 'zod';
import { schema as pagerduty } from '../../channels/pagerduty/schema.ts';
import { schema as slack } from '../../channels/slack/schema.ts';
import { schema as webhook } from '../../channels/webhook/schema.ts';
import { connection, exactUrl, name, positiveDuration } from '../../model/fields.ts';
import { ALERT_KINDS, MINUTE } from '../../model/index.ts';

const route = z.strictObject({
  match: z
    .strictObject({
      severity: z
        .array(z.enum(['critical', 'warning', 'info']))
        .min(1)
        .optional(),
      kind: z.array(z.enum(ALERT_KINDS)).min(1).optional(),
      credential: z.array(name).min(1).optional(),
    })
    .optional(),
  channels: z.array(name).min(1),
  continue: z.boolean().default(false),
  escalate: z.strictObject({ after: positiveDuration, channels: z.array(name).min(1) }).optional(),
});

const RUNBOOK_EXPECTED =
  'expected a URL in which only {kind} is filled in, such as https://runbooks.internal/{kind}';

/** Called while all is well. */
export const heartbeat = z.strictObject({
  url: exactUrl,
  every: positiveDuration.default(MINUTE),
  ...connection,
});

export const alerts = z.strictObject({
  channels: z.record(name, z.discriminatedUnion('kind', [slack, pagerduty, webhook])).optional(),
  routes: z.array(route).optional(),
  group: z
    .strictObject({ wait: positiveDuration.optional(), repeat: positiveDuration.optional() })
    .optional(),
  heartbeat: heartbeat.optional(),
  runbookUrl: exactUrl
    .refine((text) => !/[{}]/.test(text.replaceAll('{kind}', '')), RUNBOOK_EXPECTED)
    .optional(),
});
