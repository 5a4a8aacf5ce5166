import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  type Tag,
  TagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { EdgeError, type PluginContext } from '../../model/index.ts';
import { handlerOver } from './handler.ts';
import { credentialsOf } from './login.ts';
import { loginRefusal } from './login-verdicts.ts';
import type { AwsSecretsManagerConfig } from './schema.ts';
import { type Attempt, closed, late, refusal } from './verdicts.ts';
import { within } from './within.ts';

/** One version of a secret, as it was read. */
export type SecretVersion = {
  readonly versionId: string;
  readonly stages: readonly string[];
  /** Null for a binary secret. */
  readonly text: string | null;
};

export type Stage = 'AWSCURRENT' | 'AWSPENDING';

/** The default chain's own: a shared file that somebody renewed is read again, not taken from memory. */
const CHAIN = { ignoreCache: true };

/** The requests we make of AWS Secrets Manager. All throw EdgeErrors; `deadline` is that of the whole operation. */
export class SecretsManager {
  readonly #client: SecretsManagerClient;
  readonly #timeout: number;
  readonly #closing = new AbortController();
  /** AWS did not accept the credentials that the SDK holds: the next call looks for others. */
  #refused = false;

  constructor(context: PluginContext<AwsSecretsManagerConfig>) {
    const { region, endpoint, roleArn, timeout } = context.config;
    this.#timeout = timeout;
    this.#client = new SecretsManagerClient({
      ...CHAIN,
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      // A throttled or lost request is repeated once at once; the loop's own backoff does the rest.
      maxAttempts: 2,
      retryMode: 'standard',
      requestHandler: handlerOver(context.net, { destroy: () => this.#closing.abort() }),
      ...(roleArn === undefined
        ? {}
        : { credentials: credentialsOf(roleArn, context, this.#closing.signal) }),
    });
  }

  /** For all requests of an operation; the end of the store is its end too. */
  deadline(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(this.#timeout), this.#closing.signal]);
  }

  /** Ends what is under way. */
  close(): void {
    this.#client.destroy();
  }

  /** Finds the credentials, and takes the role where one is configured. AWS is not asked what they may do. */
  async logIn(deadline: AbortSignal): Promise<void> {
    await this.#call('logging in', false, deadline, async () => {});
  }

  /** Null where there is no such secret, or no such version of it. */
  async get(
    id: string,
    version: { VersionStage: Stage } | { VersionId: string },
    deadline: AbortSignal,
  ): Promise<SecretVersion | null> {
    const answer = await this.#call(`reading ${id}`, false, deadline, (options) =>
      this.#client.send(new GetSecretValueCommand({ SecretId: id, ...version }), options),
    ).catch(nullIfMissing);
    if (answer === null) return null;
    if (answer.VersionId === undefined) throw refusal(null, { doing: `reading ${id}`, writes: false });
    const { VersionId: versionId, VersionStages: stages = [], SecretString: text = null } = answer;
    return { versionId, stages, text };
  }

  /** @throws {EdgeError} `missing`; `conflict` where `token` stands for another text already */
  async putPending(id: string, text: string, token: string, deadline: AbortSignal): Promise<void> {
    const input = {
      SecretId: id,
      SecretString: text,
      ClientRequestToken: token,
      VersionStages: ['AWSPENDING' satisfies Stage],
    };
    await this.#call(`writing ${id}`, true, deadline, (options) =>
      this.#client.send(new PutSecretValueCommand(input), options),
    );
  }

  /** @throws {EdgeError} `conflict` where it has come to be meanwhile */
  async create(name: string, text: string, token: string, tags: Tag[], deadline: AbortSignal): Promise<void> {
    const input = { Name: name, SecretString: text, ClientRequestToken: token };
    await this.#call(`creating ${name}`, true, deadline, (options) =>
      this.#client.send(
        new CreateSecretCommand(tags.length === 0 ? input : { ...input, Tags: tags }),
        options,
      ),
    );
  }

  /** Takes `stage` from one version, gives it to another, or both. @throws {EdgeError} `invalid_parameter` where it is elsewhere */
  async move(
    id: string,
    stage: Stage,
    versions: { readonly MoveToVersionId?: string; readonly RemoveFromVersionId?: string },
    deadline: AbortSignal,
  ): Promise<void> {
    const input = { SecretId: id, VersionStage: stage, ...versions };
    await this.#call(`moving ${stage} of ${id}`, true, deadline, (options) =>
      this.#client.send(new UpdateSecretVersionStageCommand(input), options),
    );
  }

  /** The secret's tags. @throws {EdgeError} `missing` */
  async tags(id: string, deadline: AbortSignal): Promise<readonly Tag[]> {
    const answer = await this.#call(`describing ${id}`, false, deadline, (options) =>
      this.#client.send(new DescribeSecretCommand({ SecretId: id }), options),
    );
    return answer.Tags ?? [];
  }

  async tag(id: string, tags: Tag[], deadline: AbortSignal): Promise<void> {
    await this.#call(`tagging ${id}`, true, deadline, (options) =>
      this.#client.send(new TagResourceCommand({ SecretId: id, Tags: tags }), options),
    );
  }

  /**
   * The deadline bounds what the SDK does besides the request, too: finding credentials, waiting for a repeat.
   * Credentials are found first, so that what fails there is not taken for an answer to the request.
   */
  async #call<Output>(
    doing: string,
    writes: boolean,
    deadline: AbortSignal,
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<Output>,
  ): Promise<Output> {
    let sent = false;
    const stopped = () => this.#stopped({ doing, writes: writes && sent });
    try {
      await within(deadline, stopped, () => this.#findCredentials());
      sent = true;
      return await within(deadline, stopped, () => send({ abortSignal: deadline }));
    } catch (error) {
      if (deadline.aborted) throw stopped();
      const failure = sent ? refusal(error, { doing, writes }) : loginRefusal(error);
      this.#refused ||= failure.code === 'login_refused';
      throw failure;
    }
  }

  async #findCredentials(): Promise<void> {
    await this.#client.config.credentials({ forceRefresh: this.#refused });
    this.#refused = false;
  }

  #stopped(attempt: Attempt): EdgeError {
    return this.#closing.signal.aborted ? closed(attempt) : late(this.#timeout, attempt);
  }
}

function nullIfMissing(error: unknown): null {
  if (error instanceof EdgeError && error.code === 'missing') return null;
  throw error;
}
