import { z } from 'zod';
import { SecretSource } from './secret-source.ts';
import { parseDuration, SECOND } from './time.ts';

// What needs no schema stands where it can be had without the library.
export { plaintextFault } from './plaintext.ts';
export { parseDuration };

/*
 * Building blocks of configuration schemas, shared by the rooms that own a part of the configuration.
 * A message says what was expected; the loader adds where it stands and what was found.
 */

/** A duration; integer milliseconds once parsed. */
export const duration = z
  .string({ error: 'expected a duration such as 90d, 72h, 15m, 30s or 1d12h' })
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null) return ms;
    context.addIssue({ code: 'custom', message: 'expected a duration such as 90d, 72h, 15m, 30s or 1d12h' });
    return z.NEVER;
  })
  .meta({ description: 'A duration: 90d, 72h, 15m, 30s, 500ms, or a sum such as 1d12h.' });

/** A duration of at least a millisecond. */
export const positiveDuration = duration.refine((ms) => ms > 0, 'expected a duration longer than nothing');

/** The name of a credential, store, channel, …. */
export const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    'expected a name: a-z, 0-9, ".", "_", "-", at most 63 characters, not starting with a sign',
  );

/** An absolute file mode written in octal text, `"0600"`; without quotes YAML would read a decimal number. */
export const fileMode = z
  .string({ error: 'expected a file mode in quotes, such as "0600"' })
  .regex(/^0?[0-7]{3}$/, 'expected a file mode in quotes, such as "0600"')
  .transform((text) => Number.parseInt(text, 8));

/** What the loader looks for to know that a secret was to stand there: nothing found in such a place is ever quoted. */
export const SECRET_EXPECTED =
  'expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here';

/** A reference to a secret: `{ env: NAME }` or `{ file: PATH, allowModes: "0444" }`. */
export const secret = z
  .union(
    [
      z.strictObject({
        env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable'),
      }),
      z.strictObject({ file: z.string().min(1), allowModes: fileMode.optional() }),
    ],
    { error: SECRET_EXPECTED },
  )
  .transform(
    (origin) =>
      new SecretSource(
        'env' in origin
          ? origin
          : {
              file: origin.file,
              ...(origin.allowModes === undefined ? {} : { allowModes: origin.allowModes }),
            },
      ),
  );

/** An http(s) URL kept as it is written: for what is compared or called to the letter. No credentials, no fragment. */
export const exactUrl = z.string().refine((text) => {
  const parsed = URL.parse(text);
  return (
    parsed !== null &&
    /^https?:$/.test(parsed.protocol) &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.hash === ''
  );
}, 'expected a URL such as https://api.example.com, without user, password or fragment');

/** An https URL as a base for paths; plain http only where the schema that uses it allows loopback. */
export const url = exactUrl.transform((text) => text.replace(/\/+$/, ''));

/** The keys of every plug-in that connects somewhere. */
export const connection = {
  tls: z.strictObject({ caFile: z.string().min(1) }).optional(),
  proxy: url.optional(),
  timeout: positiveDuration.default(10 * SECOND),
  allowPlaintextLoopback: z.boolean().default(false),
};
