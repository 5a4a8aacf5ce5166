import { Readable } from 'node:stream';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
  type Tag,
  TagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { EdgeError, type Net, type PluginContext } from '../../model/index.ts';
import type { AwsSecretsManagerConfig } from './schema.ts';
import { late, refusal } from './verdicts.ts';

/** One version of a secret, as it was read. */
export type SecretVersion = {
  readonly versionId: string;
  readonly stages: readonly string[];
  /** Null for a binary secret. */
  readonly text: string | null;
};

export type Stage = 'AWSCURRENT' | 'AWSPENDING';

/** What a secret may be: 64 KiB, which base64 and JSON escapes lengthen. */
const MAX_BYTES = 512 * 1024;

/** The requests we make of AWS Secrets Manager. All throw EdgeErrors; `deadline` is that of the whole operation. */
export class SecretsManager {
  readonly #client: SecretsManagerClient;
  readonly #timeout: number;

  constructor({ config, net }: PluginContext<AwsSecretsManagerConfig>) {
    this.#timeout = config.timeout;
    this.#client = new SecretsManagerClient({
      region: config.region,
      ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
      // A throttled or lost request is repeated once at once; the loop's own backoff does the rest.
      maxAttempts: 2,
      retryMode: 'standard',
      requestHandler: handlerOver(net),
    });
  }

  deadline(): AbortSignal {
    return AbortSignal.timeout(this.#timeout);
  }

  close(): void {
    this.#client.destroy();
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

  /** The deadline bounds what the SDK does besides the request, too: finding credentials, waiting for a repeat. */
  async #call<Output>(
    doing: string,
    writes: boolean,
    deadline: AbortSignal,
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<Output>,
  ): Promise<Output> {
    const expiry = Promise.withResolvers<never>();
    const expire = () => expiry.reject(late(this.#timeout, { doing, writes }));
    deadline.addEventListener('abort', expire, { once: true });
    if (deadline.aborted) throw late(this.#timeout, { doing, writes: false });
    try {
      return await Promise.race([send({ abortSignal: deadline }), expiry.promise]);
    } catch (error) {
      throw deadline.aborted ? late(this.#timeout, { doing, writes }) : refusal(error, { doing, writes });
    } finally {
      deadline.removeEventListener('abort', expire);
    }
  }
}

function nullIfMissing(error: unknown): null {
  if (error instanceof EdgeError && error.code === 'missing') return null;
  throw error;
}

type SdkRequest = {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
};

/** The SDK's requests over our connection, with its TLS rules, its proxy and its cap, and without redirects. */
function handlerOver(net: Net): NonNullable<SecretsManagerClientConfig['requestHandler']> {
  return {
    async handle(request: SdkRequest, options: { readonly abortSignal?: AbortSignal } = {}) {
      const { host: _host, 'content-length': _length, ...headers } = request.headers;
      const port = request.port === undefined ? '' : `:${request.port}`;
      const answer = await net.request({
        method: 'POST',
        url: `${request.protocol}//${request.hostname}${port}${request.path}`,
        headers,
        ...(request.body === undefined ? {} : { body: Uint8Array.from(request.body) }),
        maxBytes: MAX_BYTES,
        ...(options.abortSignal === undefined ? {} : { signal: options.abortSignal }),
      });
      const { status: statusCode, headers: answered, body } = answer;
      return { response: { statusCode, headers: answered, body: Readable.from([body]) } };
    },
  };
}
