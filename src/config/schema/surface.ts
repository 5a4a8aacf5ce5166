import { z } from 'zod';
import { name, positiveDuration, secret } from '../../model/fields.ts';
import { schema as frameflow } from '../../providers/frameflow/schema.ts';
import { schema as oauth2 } from '../../providers/oauth2/schema.ts';
import { schema as stockflow } from '../../providers/stockflow/schema.ts';
import { schema as aws } from '../../stores/aws-secrets-manager/schema.ts';
import { schema as kubernetes } from '../../stores/kubernetes/schema.ts';
import { schema as vault } from '../../stores/vault/schema.ts';
import { alerts } from './alerts.ts';
import { api } from './api.ts';
import { installation, log, version } from './common.ts';
import { credential } from './credential.ts';
import { monitor } from './monitor.ts';
import { oauthClient } from './oauth-client.ts';

const DATABASE_EXPECTED = 'expected sqlite, sqlite:PATH, postgres://… without a password, or { env: NAME }';

/** A password in the URL is refused: a secret is never written in the file. */
function isDatabase(text: string): boolean {
  if (text === 'sqlite' || /^sqlite:./.test(text)) return true;
  const parsed = URL.parse(text);
  return parsed !== null && /^postgres(ql)?:$/.test(parsed.protocol) && parsed.password === '';
}

const database = z.union([z.string().refine(isDatabase, DATABASE_EXPECTED), secret], {
  error: DATABASE_EXPECTED,
});

/** The whole configuration as it may be written: composed of the plug-ins' schemas. */
export const surface = z.strictObject({
  version,
  installation,
  state: z.strictObject({
    directory: z.string().min(1).optional(),
    database: database.optional(),
    encryptionKeys: z.array(secret).min(1),
    retain: z
      .strictObject({
        rotations: positiveDuration.optional(),
        alerts: positiveDuration.optional(),
        audit: positiveDuration.optional(),
      })
      .optional(),
  }),
  schedule: z
    .strictObject({
      timezone: z.string().optional(),
      reconcile: z.string().optional(),
      pollLogs: z.string().optional(),
    })
    .optional(),
  network: z
    .strictObject({
      allow: z.array(
        z
          .string()
          .regex(/^[A-Za-z0-9:._-]{1,255}$/, 'expected an address or a host name such as 169.254.169.254'),
      ),
    })
    .optional(),
  providers: z.record(name, z.discriminatedUnion('kind', [frameflow, stockflow, oauth2])).optional(),
  stores: z.record(name, z.discriminatedUnion('kind', [vault, aws, kubernetes])).optional(),
  credentials: z.record(name, credential).optional(),
  oauthClients: z.record(name, oauthClient).optional(),
  monitors: z.record(name, monitor).optional(),
  alerts: alerts.optional(),
  api: api.optional(),
  log: log.optional(),
});

/** What the schema makes of a faultless file: defaults that stand alone filled in, durations in ms. */
export type Parsed = z.output<typeof surface>;
export type ParsedCredential = NonNullable<Parsed['credentials']>[string];
export type ParsedOAuthClient = NonNullable<Parsed['oauthClients']>[string];
export type ParsedMonitor = NonNullable<Parsed['monitors']>[string];
