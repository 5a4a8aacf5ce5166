import { z } from 'zod';
import { connection, url } from '../../model/fields.ts';

export const schema = z.strictObject({
  kind: z.literal('aws-secrets-manager'),
  region: z.string().regex(/^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/, 'expected a region such as eu-central-1'),
  endpoint: url.optional(),
  /** A role that is taken with the credentials of the default chain. */
  roleArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, 'expected the ARN of an IAM role')
    .optional(),
  ...connection,
});

export const target = z.strictObject({
  secretId: z.string().regex(/^[A-Za-z0-9/_+=.@:-]{1,512}$/, 'expected the name or ARN of a secret'),
  /** A field of a JSON secret; absent: the whole SecretString. */
  field: z.string().min(1).max(128).optional(),
  create: z.boolean().default(false),
});

export type AwsSecretsManagerConfig = z.output<typeof schema>;
export type AwsSecretsManagerTarget = z.output<typeof target>;
