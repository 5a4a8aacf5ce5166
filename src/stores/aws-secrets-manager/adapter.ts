import { EdgeError, type Mark, type PluginContext, Secret } from '../../model/index.ts';
import type { Found, Store } from '../contract.ts';
import { exclusively } from '../exclusively.ts';
import {
  assertText,
  isAsRead,
  isVersion,
  type MarkedValue,
  readMarked,
  withMarked,
} from '../marked-fields.ts';
import { SecretsManager, type SecretVersion } from './client.ts';
import { parseFields } from './json-secret.ts';
import type { AwsSecretsManagerConfig, AwsSecretsManagerTarget } from './schema.ts';
import { markIn, tagsOf } from './tags.ts';

/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html */
const MAX_SECRET_BYTES = 65_536;

const CURRENT = { VersionStage: 'AWSCURRENT' } as const;

/**
 * Publishes into AWS Secrets Manager: a field of a JSON secret, its mark in the field beside it, or a whole
 * SecretString, its mark in the secret's tags. Credentials come by the SDK's default chain, or are those of
 * `roleArn`, which is taken with them.
 *
 * The new value is staged as AWS's own rotation does it: put as AWSPENDING, read back, then AWSCURRENT moves to it
 * and the old one becomes AWSPREVIOUS. Whatever a crash leaves half done, the next `publish` goes on with.
 *
 * Publications to one secret take turns: each lost race would spend a version, and AWSPENDING is on one at a time.
 */
export function create(context: PluginContext<AwsSecretsManagerConfig>): Store<AwsSecretsManagerTarget> {
  const aws = new SecretsManager(context);
  const secrets = new StagedSecrets(aws, (...parts) => context.hash.digest(...parts));
  const inTurn = exclusively();
  return {
    preflight: (target) => secrets.preflight(target, aws.deadline()),
    readBack: (target) => secrets.readBack(target, aws.deadline()),
    publish: (target, value, mark, expected) =>
      inTurn(target.secretId, () => secrets.publish(target, value, mark, expected, aws.deadline())),
    // The SDK renews by itself what has an end.
    renewLogin: async () => {
      await aws.logIn(aws.deadline());
      return null;
    },
    close: async () => aws.close(),
  };
}

type Target = AwsSecretsManagerTarget;

class StagedSecrets {
  readonly #aws: SecretsManager;
  readonly #digest: (...parts: readonly string[]) => string;

  constructor(aws: SecretsManager, digest: (...parts: readonly string[]) => string) {
    this.#aws = aws;
    this.#digest = digest;
  }

  /** AWS tells of no right beforehand: this proves the login, the secret, its key and its form. */
  async preflight(target: Target, deadline: AbortSignal): Promise<void> {
    const standing = await this.#aws.get(target.secretId, CURRENT, deadline);
    if (standing !== null) await this.#read(target, standing, deadline);
    // A secret that has no value yet reads as one that is not there.
    else if (!mayCreate(target)) await this.#aws.tags(target.secretId, deadline);
  }

  async readBack(target: Target, deadline: AbortSignal): Promise<Found | null> {
    const standing = await this.#aws.get(target.secretId, CURRENT, deadline);
    if (standing === null) return null;
    return { ...(await this.#read(target, standing, deadline)), revision: standing.versionId };
  }

  async publish(
    target: Target,
    value: Secret,
    mark: Mark,
    expected: Found | null,
    deadline: AbortSignal,
  ): Promise<void> {
    assertText(value);
    const standing = await this.#aws.get(target.secretId, CURRENT, deadline);
    const found = standing === null ? null : await this.#read(target, standing, deadline);
    if (standing !== null && found !== null && isVersion(found, value, mark)) {
      return this.#unstage(target, standing, deadline);
    }
    if (!mayReplace(target, standing, found, expected)) throw changed(target);
    const text = this.#textWith(target, standing, value, mark);
    const staged = await this.#stage(target, text, mark, standing, deadline);
    if (!staged.stages.includes('AWSCURRENT')) await this.#makeCurrent(target, staged, standing, deadline);
    if (target.field === undefined) {
      await this.#aws.tag(target.secretId, tagsOf(mark, staged.versionId), deadline);
    }
    await this.#unstage(target, staged, deadline);
  }

  async #read(target: Target, standing: SecretVersion, deadline: AbortSignal): Promise<MarkedValue> {
    const { secretId, field } = target;
    if (field !== undefined) {
      return readMarked(parseFields(standing.text, secretId), field, secretId, this.#digest);
    }
    if (standing.text === null) throw binary(target);
    if (standing.text === '') return { value: null, mark: null };
    const tags = await this.#aws.tags(secretId, deadline);
    return { value: Secret.from(standing.text), mark: markIn(tags, standing.versionId) };
  }

  #textWith({ secretId, field }: Target, standing: SecretVersion | null, value: Secret, mark: Mark): string {
    const fields = field === undefined || standing === null ? {} : parseFields(standing.text, secretId);
    const text =
      field === undefined
        ? value.reveal()
        : JSON.stringify(withMarked(fields, field, value, mark, this.#digest));
    if (Buffer.byteLength(text) <= MAX_SECRET_BYTES) return text;
    throw new EdgeError({
      code: 'too_large',
      verdict: 'permanent',
      message: `${secretId} would be larger than the ${MAX_SECRET_BYTES} bytes AWS takes; remove fields from it`,
    });
  }

  /** Puts `text` as AWSPENDING and reads it back. The same token with the same text twice is the same as once. */
  async #stage(
    target: Target,
    text: string,
    mark: Mark,
    standing: SecretVersion | null,
    deadline: AbortSignal,
  ): Promise<SecretVersion> {
    const tokens = [
      mark.versionId,
      // For where that one stands for another text: a neighbour's field changed after it was put.
      this.#digest('keywarden', mark.versionId, standing?.versionId ?? ''),
    ];
    for (const token of tokens) {
      try {
        await this.#put(target, text, token, mark, deadline);
      } catch (error) {
        if (token === mark.versionId && error instanceof EdgeError && error.code === 'conflict') continue;
        throw error;
      }
      const staged = await this.#aws.get(target.secretId, { VersionId: token }, deadline);
      if (staged?.text === text) return staged;
      throw new EdgeError({
        code: 'not_kept',
        verdict: 'retryable',
        message: `AWS took a new version of ${target.secretId} and does not give it back; trying again`,
      });
    }
    throw changed(target);
  }

  async #put(target: Target, text: string, token: string, mark: Mark, deadline: AbortSignal): Promise<void> {
    try {
      await this.#aws.putPending(target.secretId, text, token, deadline);
    } catch (error) {
      if (!(error instanceof EdgeError) || error.code !== 'missing' || !mayCreate(target)) throw error;
      const tags = target.field === undefined ? tagsOf(mark, token) : [];
      await this.#aws.create(target.secretId, text, token, tags, deadline);
    }
  }

  /** AWS compares: it moves the label only from the version that has it. */
  async #makeCurrent(
    target: Target,
    staged: SecretVersion,
    standing: SecretVersion | null,
    deadline: AbortSignal,
  ): Promise<void> {
    const from = standing === null ? {} : { RemoveFromVersionId: standing.versionId };
    const versions = { MoveToVersionId: staged.versionId, ...from };
    try {
      await this.#aws.move(target.secretId, 'AWSCURRENT', versions, deadline);
    } catch (error) {
      throw isInvalidParameter(error) ? changed(target) : error;
    }
  }

  /** AWSPENDING left on a version means a rotation that has not ended, to AWS and to people. */
  async #unstage(target: Target, version: SecretVersion, deadline: AbortSignal): Promise<void> {
    if (!version.stages.includes('AWSPENDING')) return;
    const from = { RemoveFromVersionId: version.versionId };
    await this.#aws.move(target.secretId, 'AWSPENDING', from, deadline).catch((error: unknown) => {
      // Another writer has taken the label over.
      if (!isInvalidParameter(error)) throw error;
    });
  }
}

/** Of a JSON secret it is our field that counts: where only neighbours have changed, it is written on the newer version. */
function mayReplace(
  target: Target,
  standing: SecretVersion | null,
  found: MarkedValue | null,
  expected: Found | null,
): boolean {
  if (target.field !== undefined && found !== null) return isAsRead(found, expected);
  return (standing?.versionId ?? null) === (expected?.revision ?? null);
}

/** A secret is created by its name; an ARN is given out by AWS. */
function mayCreate(target: Target): boolean {
  return target.create && !target.secretId.startsWith('arn:');
}

function isInvalidParameter(error: unknown): boolean {
  return error instanceof EdgeError && error.code === 'invalid_parameter';
}

function changed(target: Target): EdgeError {
  return new EdgeError({
    code: 'conflict',
    verdict: 'retryable',
    message: `${target.secretId} has changed since it was read; reading it again`,
  });
}

function binary(target: Target): EdgeError {
  return new EdgeError({
    code: 'malformed_secret',
    verdict: 'permanent',
    message: `${target.secretId} is a binary secret; Keywarden writes text only: choose another secretId`,
  });
}
