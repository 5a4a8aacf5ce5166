import { randomUUID } from 'node:crypto';
import { type FakeAnswer, FakeService, type Received } from '../testing/fake-service.ts';

/*
 * A small AWS Secrets Manager for tests: a real server that keeps what it is given and answers in the recorded
 * form (test/fixtures/aws-secrets-manager). Where the recorded emulator differs from AWS, this follows AWS: every
 * error is a 400, a label is on one version, a version never changes. It knows access keys by their id and does not
 * check signatures.
 */

export type FakeRequest = Omit<Received, 'certificate' | 'text'> & {
  /** `GetSecretValue`, from X-Amz-Target. */
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
};

type Version = { readonly text: string | null; readonly stages: Set<string> };
type FakeSecret = {
  readonly arn: string;
  readonly name: string;
  readonly tags: Map<string, string>;
  readonly versions: Map<string, Version>;
  deleted: boolean;
};
type Operation = (body: Readonly<Record<string, unknown>>) => object;

/** How an operation fails. */
class Refusal extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** As AWS answers an error. */
export function refused(type: string, message = 'x'): FakeAnswer {
  return { status: 400, body: { __type: type, message } };
}

const CREATED = 1795302387;
const SERVICE = 'secretsmanager.';

export class FakeSecretsManager extends FakeService<FakeRequest> {
  /** Access key ids that are known. */
  readonly keys = new Set(['AKIAIOSFODNN7EXAMPLE']);
  /** Operations that the policy denies. */
  readonly denied = new Set<string>();

  readonly #secrets: FakeSecret[] = [];
  readonly #operations: Readonly<Record<string, Operation>> = {
    CreateSecret: (body) => this.#create(body),
    GetSecretValue: (body) => this.#get(body),
    PutSecretValue: (body) => this.#put(body),
    UpdateSecretVersionStage: (body) => this.#moveStage(body),
    DescribeSecret: (body) => this.#describe(body),
    TagResource: (body) => this.#tag(body),
  };

  /** What a person does in the console: a secret, or a new AWSCURRENT of it. Null: without a value, or a binary one. */
  write(name: string, text: string | null, options: { readonly empty?: boolean } = {}): void {
    const secret = this.#secrets.find((known) => known.name === name) ?? this.#add(name);
    if (options.empty === true) return;
    const id = randomUUID();
    secret.versions.set(id, { text, stages: new Set() });
    attach(secret, 'AWSCURRENT', id);
  }

  /** `aws secretsmanager delete-secret`, with its recovery window. */
  scheduleDeletion(name: string): void {
    this.#find({ SecretId: name }).deleted = true;
  }

  /** Which version has which labels, with its text. */
  stages(name: string): Readonly<Record<string, string | null>> {
    const { versions } = this.#find({ SecretId: name });
    return Object.fromEntries(
      [...versions.values()].flatMap(({ stages, text }) =>
        [...stages].map((stage) => [stage, text] as const),
      ),
    );
  }

  /** All that is kept, versions and tags. */
  observe(): unknown {
    return structuredClone(this.#secrets);
  }

  protected read({ method, path, headers, text }: Received): FakeRequest {
    const operation = (headers['x-amz-target'] ?? '').replace(SERVICE, '');
    return { method, path, operation, headers, body: JSON.parse(text || '{}') };
  }

  protected headers(): Readonly<Record<string, string>> {
    return { 'Content-Type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() };
  }

  protected answer({ operation, headers, body }: FakeRequest): FakeAnswer {
    const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1];
    if (key === undefined)
      return refused('MissingAuthenticationTokenException', 'Missing Authentication Token');
    if (!this.keys.has(key)) {
      return refused('UnrecognizedClientException', 'The security token included in the request is invalid.');
    }
    if (this.denied.has(operation)) {
      return refused('AccessDeniedException', `${key} is not authorized to perform: ${SERVICE}${operation}`);
    }
    const run = this.#operations[operation];
    if (run === undefined) return refused('UnknownOperationException', '');
    try {
      return { status: 200, body: run(body) };
    } catch (error) {
      if (error instanceof Refusal) return refused(error.name, error.message);
      throw error;
    }
  }

  #find(body: Readonly<Record<string, unknown>>): FakeSecret {
    const secret = this.#secrets.find(({ name, arn }) => body.SecretId === name || body.SecretId === arn);
    if (secret === undefined) {
      throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return secret;
  }

  #living(body: Readonly<Record<string, unknown>>): FakeSecret {
    const secret = this.#find(body);
    if (!secret.deleted) return secret;
    throw new Refusal(
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
    );
  }

  #add(name: string): FakeSecret {
    const arn = `arn:aws:secretsmanager:us-east-1:123456789012:secret:${name}-gWfjLQ`;
    const secret = { arn, name, tags: new Map(), versions: new Map(), deleted: false };
    this.#secrets.push(secret);
    return secret;
  }

  #create(body: Readonly<Record<string, unknown>>): object {
    const { Name: name, SecretString: text, Tags: tags } = body;
    const known = this.#secrets.find((secret) => secret.name === name);
    const token = tokenIn(body);
    if (known?.deleted === true) {
      const message =
        "You can't create this secret because a secret with this name is already scheduled for deletion.";
      throw new Refusal('InvalidRequestException', message);
    }
    if (known !== undefined && known.versions.get(token)?.text !== text) {
      throw new Refusal(
        'ResourceExistsException',
        `The operation failed because the secret ${name} already exists.`,
      );
    }
    const secret = known ?? this.#add(String(name));
    secret.versions.set(token, { text: String(text), stages: new Set(['AWSCURRENT']) });
    setTags(secret, tags);
    return { ARN: secret.arn, Name: secret.name, VersionId: token };
  }

  #get(body: Readonly<Record<string, unknown>>): object {
    const secret = this.#living(body);
    const { VersionId: id, VersionStage: stage = id === undefined ? 'AWSCURRENT' : undefined } = body;
    const found = [...secret.versions].find(
      ([versionId, { stages }]) =>
        (id === undefined || versionId === id) && (stage === undefined || stages.has(String(stage))),
    );
    if (found === undefined) {
      const which = id === undefined ? `staging label: ${stage}` : `VersionId: ${id}`;
      throw new Refusal(
        'ResourceNotFoundException',
        `Secrets Manager can't find the specified secret value for ${which}`,
      );
    }
    const [VersionId, { text, stages }] = found;
    const value = text === null ? { SecretBinary: 'AAECAwQ=' } : { SecretString: text };
    const { arn: ARN, name: Name } = secret;
    return { ARN, Name, VersionId, VersionStages: [...stages], CreatedDate: CREATED, ...value };
  }

  #put(body: Readonly<Record<string, unknown>>): object {
    const secret = this.#living(body);
    const { SecretString: text, VersionStages: stages = ['AWSCURRENT'] } = body;
    if (typeof text !== 'string') {
      throw new Refusal('InvalidRequestException', 'You must provide either SecretString or SecretBinary.');
    }
    const token = tokenIn(body);
    const known = secret.versions.get(token);
    if (known !== undefined && known.text !== text) {
      throw new Refusal(
        'ResourceExistsException',
        `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
      );
    }
    if (known === undefined) {
      secret.versions.set(token, { text, stages: new Set() });
      if (secret.versions.size === 1) attach(secret, 'AWSCURRENT', token);
      for (const stage of stages as readonly string[]) attach(secret, stage, token);
    }
    return { ARN: secret.arn, Name: secret.name, VersionId: token, VersionStages: stages };
  }

  #moveStage(body: Readonly<Record<string, unknown>>): object {
    const secret = this.#living(body);
    const stage = String(body.VersionStage);
    const [to, from] = [body.MoveToVersionId, body.RemoveFromVersionId];
    const holder = [...secret.versions].find(([, { stages }]) => stages.has(stage))?.[0];
    if ((to !== undefined && !secret.versions.has(String(to))) || from !== holder) {
      throw new Refusal(
        'InvalidParameterException',
        `Staging label ${stage} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
      );
    }
    if (to === undefined) secret.versions.get(String(from))?.stages.delete(stage);
    else attach(secret, stage, String(to));
    return { ARN: secret.arn, Name: secret.name };
  }

  #describe(body: Readonly<Record<string, unknown>>): object {
    const { arn, name, tags, versions } = this.#find(body);
    const labelled = [...versions].filter(([, { stages }]) => stages.size > 0);
    return {
      ARN: arn,
      Name: name,
      LastChangedDate: CREATED,
      LastAccessedDate: null,
      NextRotationDate: null,
      DeletedDate: null,
      CreatedDate: CREATED,
      KmsKeyId: null,
      ...(tags.size === 0 ? {} : { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) }),
      VersionIdsToStages: Object.fromEntries(labelled.map(([id, { stages }]) => [id, [...stages]])),
    };
  }

  #tag(body: Readonly<Record<string, unknown>>): object {
    setTags(this.#living(body), body.Tags);
    return {};
  }
}

/** A label is on one version; AWSPREVIOUS goes to the one that AWSCURRENT leaves. */
function attach(secret: FakeSecret, stage: string, id: string): void {
  for (const [other, { stages }] of secret.versions) {
    if (other !== id && stages.delete(stage) && stage === 'AWSCURRENT') attach(secret, 'AWSPREVIOUS', other);
  }
  if (stage === 'AWSCURRENT') secret.versions.get(id)?.stages.delete('AWSPREVIOUS');
  secret.versions.get(id)?.stages.add(stage);
}

function tokenIn(body: Readonly<Record<string, unknown>>): string {
  const token = String(body.ClientRequestToken ?? '');
  if (token.length >= 32 && token.length <= 64) return token;
  throw new Refusal('InvalidParameterException', 'ClientRequestToken must be 32-64 characters long.');
}

function setTags(secret: FakeSecret, tags: unknown): void {
  for (const { Key, Value } of Array.isArray(tags) ? tags : []) secret.tags.set(Key, Value);
}
