import { z } from 'zod';
import { duration, name, positiveDuration } from '../../model/fields.ts';
import { DAY, MINUTE } from '../../model/index.ts';
import { countryHint, isCidr, isCountry } from '../places.ts';
import { KEY_ID } from './key-id.ts';

/** Text that `accept` knows; `hint` may say what was meant. */
function known(expected: string, accept: (text: string) => boolean, hint?: (text: string) => string | null) {
  return z.string({ error: expected }).superRefine((text, context) => {
    if (!accept(text))
      context.addIssue({ code: 'custom', message: expected, params: { hint: hint?.(text) } });
  });
}

const countries = z
  .array(known('expected a country of ISO 3166-1 alpha-2 such as DE', isCountry, countryHint))
  .min(1);
const ipAllowlist = z
  .array(known('expected a block of addresses such as 203.0.113.0/24 or 2001:db8::/32', isCidr))
  .min(1)
  .optional();

const toggle = z.boolean();
const answer = z.enum(['alert', 'rotate']);

/** What is done about a detector's findings: the same at every severity, or what stands beside each. */
export const respond = z.union([
  answer,
  z.strictObject({ critical: answer.optional(), warning: answer.optional(), info: answer.optional() }),
]);

/** `false` turns a detector off; `true` and `{}` mean its defaults. */
function detector<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.union([toggle, z.strictObject({ ...shape, respond: respond.optional() })]).optional();
}

const detectors = z.strictObject({
  'auth-failure-spike': detector({ falseAlarmsPerKeyYear: z.number().gt(0).max(1000).default(0.2) }),
  'unregistered-geolocation': detector({}),
  'outside-allowlist': detector({}),
  'impossible-travel': detector({
    speedKmh: z.number().gt(0).default(1000),
    minimumKm: z.number().min(0).default(500),
  }),
  'retired-key-use': detector({}),
  'unknown-key': detector({}),
  'dormant-key': detector({ after: positiveDuration.default(30 * DAY) }),
  'rate-limit-saturation': detector({
    window: positiveDuration.default(5 * MINUTE),
    share: z.number().gt(0).max(1).default(0.2),
  }),
  'failures-then-success': detector({}),
  'plaintext-attempt': detector({}),
  'volume-surge': detector({}),
  'new-client': detector({}),
  'log-silence': detector({ after: positiveDuration.default(15 * MINUTE) }),
});

const keyId = z.string().regex(KEY_ID, 'expected the id of a key such as key_7Qm2, never the key itself');

export const monitor = z.strictObject({
  provider: name,
  credential: name,
  backfill: duration.default(DAY),
  geolocations: z.union([countries, z.strictObject({ learn: positiveDuration })]).optional(),
  ipAllowlist,
  perCredential: z
    .record(name, z.strictObject({ geolocations: countries.optional(), ipAllowlist }))
    .optional(),
  otherKeys: z
    .record(
      keyId,
      z.strictObject({
        owner: z.string().min(1).max(200),
        retired: z.boolean().default(false),
        geolocations: countries.optional(),
        ipAllowlist,
      }),
    )
    .optional(),
  geoip: z.strictObject({ database: z.string().min(1) }).optional(),
  detectors: detectors.optional(),
});
