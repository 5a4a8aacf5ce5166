import { z } from 'zod';
import { fileMode } from '../../model/fields.ts';

export { adjoining, parseTemplate } from './template-text.ts';

const FORMATS = ['dotenv', 'json', 'raw', 'template'] as const;

/** What a format needs to know beside the file's name. */
const NEEDS = {
  variable: { format: 'dotenv', expected: 'expected variable: NAME beside format: dotenv' },
  field: { format: 'json', expected: 'expected field: NAME beside format: json' },
  template: { format: 'template', expected: 'expected template: PATH beside format: template' },
} as const;

const OWNER_READS = 0o400;

/** A destination that is a file: it needs no entry under `stores`. */
export const target = z
  .strictObject({
    file: z.string().min(1),
    format: z.enum(FORMATS),
    /** Of `dotenv`. */
    variable: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable')
      .optional(),
    /** Of `json`: the member that holds the value; dots lead into objects. */
    field: z
      .string()
      .regex(
        /^(?!.*_keywarden$)[^.\p{Cc}]+(\.[^.\p{Cc}]+)*$/u,
        'expected the name of a member such as api_key, or the way to it such as frameflow.apiKey',
      )
      .optional(),
    /** Of `template`: the file with `{{credential}}` in place of each value. */
    template: z.string().min(1).optional(),
    mode: fileMode
      .refine(
        (mode) => (mode & OWNER_READS) !== 0,
        'expected a mode with which the owner can read, such as "0600"',
      )
      .default(0o600),
    uid: z.int().min(0).optional(),
    gid: z.int().min(0).optional(),
  })
  .superRefine((entry, context) => {
    for (const [key, { format, expected }] of Object.entries(NEEDS)) {
      const given = entry[key as keyof typeof NEEDS] !== undefined;
      if (given === (entry.format === format)) continue;
      const message = given ? `expected no ${key}: it stands beside format: ${format} only` : expected;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

/** A place in a file. Of a template it is the configuration that says whose place is meant, and who else has one there. */
export type FileTarget = z.output<typeof target> & {
  readonly credential?: string;
  readonly credentials?: readonly string[];
};
