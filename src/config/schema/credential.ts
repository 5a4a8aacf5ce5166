import { z } from 'zod';
import { schema as exec } from '../../hooks/exec/schema.ts';
import { schema as http } from '../../hooks/http/schema.ts';
import { schema as signal } from '../../hooks/signal/schema.ts';
import { duration, name, positiveDuration, secret } from '../../model/fields.ts';
import { isTimeZone, parseWindow } from '../../rotation/window.ts';
import { target as awsTarget } from '../../stores/aws-secrets-manager/schema.ts';
import { target as fileTarget } from '../../stores/file/schema.ts';
import { target as kubernetesTarget } from '../../stores/kubernetes/schema.ts';
import { target as vaultTarget } from '../../stores/vault/schema.ts';
import { KEY_ID } from './key-id.ts';

const WINDOW_EXPECTED =
  'expected a window such as "Mon-Tue 09:00-16:00 Europe/Berlin" or "Mon,Wed 22:00-02:00 UTC"';

const window = z.string({ error: WINDOW_EXPECTED }).transform((text, context) => {
  const parsed = parseWindow(text);
  if (parsed !== null) return parsed;
  const zone = text.trim().split(/\s+/).at(2);
  const hint = zone !== undefined && !isTimeZone(zone) ? 'its time zone is not known' : undefined;
  context.addIssue({ code: 'custom', message: WINDOW_EXPECTED, params: { hint } });
  return z.NEVER;
});

const DATE_EXPECTED = 'expected a date or time such as 2026-10-01 or 2026-10-01T09:00:00Z';

/** Milliseconds since the epoch in a date (its midnight, UTC) or an RFC 3339 time; null for one that does not exist. */
function parseDate(text: string): number | null {
  const [, day] =
    /^(\d{4}-\d\d-\d\d)(?:[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // V8 reads 30 February as 2 March.
  if (day === undefined || Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day))
    return null;
  const time = day === text ? midnight : Date.parse(text.toUpperCase());
  return Number.isNaN(time) ? null : time;
}

const date = z.string({ error: DATE_EXPECTED }).transform((text, context) => {
  const time = parseDate(text);
  if (time !== null) return time;
  context.addIssue({ code: 'custom', message: DATE_EXPECTED });
  return z.NEVER;
});

const rotation = z.strictObject({
  mode: z.enum(['automatic', 'guided']).optional(),
  every: positiveDuration.optional(),
  overlap: positiveDuration.optional(),
  first: z.enum(['scheduled', 'now']).optional(),
  issuedAt: date.optional(),
  jitter: duration.optional(),
  window: window.optional(),
  overlapEnd: z.enum(['any', 'weekdays']).optional(),
  remindBefore: z.array(positiveDuration).optional(),
});

/** The keys of which a hook has one, and that say what it does. */
export const HOOK_KINDS = ['exec', 'signal', 'http'] as const;

/** What is called after a publication mostly stands on the same machine: plain http to it need not be asked for. */
const httpHook = http.extend({
  http: http.shape.http.extend({ allowPlaintextLoopback: z.boolean().default(true) }),
});

/** What an entry of a `publish` list has run once it holds a new version. */
export const hook = z.union([exec, signal, httpHook], {
  error: 'expected a hook: { exec: [COMMAND, …] }, { signal: NAME, pidFile: PATH } or { http: { url: … } }',
});

/** What every entry of a `publish` list may say, whatever it is. */
const common = {
  required: z.boolean().default(true),
  consumerLag: duration.default(0),
  onChange: hook.optional(),
};

/** An entry of a `publish` list by the kind of the store it names; `file` names none. */
export const PUBLISH = {
  file: fileTarget.safeExtend(common),
  vault: z.strictObject({ store: name, ...vaultTarget.shape, ...common }),
  'aws-secrets-manager': z.strictObject({ store: name, ...awsTarget.shape, ...common }),
  kubernetes: z.strictObject({ store: name, ...kubernetesTarget.shape, ...common }),
} as const;

export type PublishKind = keyof typeof PUBLISH;

export const credential = z.strictObject({
  provider: name,
  keyId: z
    .string()
    .regex(KEY_ID, 'expected the id of a key such as key_9Xc1, never the key itself')
    .optional(),
  secret: secret.optional(),
  rotation: rotation.optional(),
  keepAlive: z
    .union([z.literal(['off', false]), positiveDuration], {
      error: 'expected a duration such as 60d, or off',
    })
    .optional(),
  publish: z
    .array(z.union([PUBLISH.file, PUBLISH.vault, PUBLISH['aws-secrets-manager'], PUBLISH.kubernetes]))
    .optional(),
  drift: z
    .strictObject({ check: positiveDuration.optional(), onDrift: z.enum(['alert', 'overwrite']).optional() })
    .optional(),
  stragglers: z.strictObject({ warnBefore: z.array(positiveDuration).min(1) }).optional(),
});
