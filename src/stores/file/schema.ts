import { z } from 'zod';
import { fileMode } from '../../model/fields.ts';

/** A destination that is a file: it needs no entry under `stores`. */
export const target = z
  .strictObject({
    file: z.string().min(1),
    format: z.enum(['dotenv', 'json', 'raw', 'template']),
    variable: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable')
      .optional(),
    template: z.string().min(1).optional(),
    mode: fileMode.default(0o600),
    uid: z.int().min(0).optional(),
    gid: z.int().min(0).optional(),
  })
  .refine((entry) => entry.format !== 'dotenv' || entry.variable !== undefined, {
    path: ['variable'],
    message: 'expected variable: NAME beside format: dotenv',
  });

export type FileTarget = z.output<typeof target>;
