import { z } from 'zod';
import { connection, name, secret, url } from '../../model/fields.ts';
import { target } from '../../stores/file/schema.ts';
import { api } from '../schema/api.ts';
import { installation, log, version } from '../schema/common.ts';
import { hook } from '../schema/credential.ts';

/** An entry of a `publish` list: a file, and what is run once it holds a new version. */
const publish = target.safeExtend({ onChange: hook.optional() });

/** The file that `keywarden agent` and `keywarden sync` read, as it may be written. */
export const agentSurface = z.strictObject({
  version,
  installation,
  /** By which the upstream knows it; default: the installation's name and the host's. */
  agent: z.strictObject({ name: name.optional() }).optional(),
  state: z.strictObject({
    directory: z.string().min(1).optional(),
    encryptionKeys: z.array(secret).min(1),
  }),
  /** The Keywarden that it takes versions from. */
  upstream: z.strictObject({ url, token: secret, ...connection }),
  credentials: z
    .record(name, z.strictObject({ publish: z.array(publish).default([]) }))
    .refine((all) => Object.keys(all).length > 0, 'expected at least one credential'),
  api: api.optional(),
  log: log.optional(),
});

/** What the schema makes of a faultless file. */
export type ParsedAgent = z.output<typeof agentSurface>;
