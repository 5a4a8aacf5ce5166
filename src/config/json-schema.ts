import { z } from 'zod';
import { duration, exactUrl, name, secret } from '../model/fields.ts';
import { hook } from './schema/credential.ts';
import { respond } from './schema/monitor.ts';
import { surface } from './schema/surface.ts';

/** What recurs all over the surface: stands once in the schema, with a description that editors show. */
const SHARED: ReadonlyArray<readonly [string, z.ZodType, string]> = [
  ['duration', duration, 'A duration: 90d, 72h, 15m, 30s, 500ms, or a sum such as 1d12h.'],
  ['name', name, 'A name: a-z, 0-9, ".", "_", "-"; at most 63 characters.'],
  ['url', exactUrl, 'An http(s) URL without user, password or fragment.'],
  ['secret', secret, 'A reference to a secret; the value itself never stands here.'],
  [
    'respond',
    respond,
    'What is done about a finding, at every severity or at each: alert (the default) tells it; rotate also begins an emergency rotation of its credential, at most one in 24 hours and never while one is under way.',
  ],
  ['hook', hook, 'What runs after a new version has arrived here: a command, a signal or a call.'],
];

/** The JSON Schema (draft 2020-12) of the configuration as it is written, for editors and `keywarden schema`. */
export function jsonSchema(): object {
  const metadata = z.registry<{ id?: string; title?: string; description?: string }>();
  for (const [id, schema, description] of SHARED) metadata.add(schema, { id, description });
  metadata.add(surface, { title: 'Configuration of Keywarden' });
  return z.toJSONSchema(surface, { io: 'input', metadata });
}
