import { Readable } from 'node:stream';
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import type { Net } from '../../model/index.ts';

export type RequestHandler = NonNullable<SecretsManagerClientConfig['requestHandler']>;

type SdkRequest = {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON as bytes, a form as text. */
  readonly body?: Uint8Array | string;
};

type HandlerOptions = {
  /** Ends what is under way, whatever the SDK says. */
  readonly until?: AbortSignal;
  /** What the SDK does when its client is closed. */
  readonly destroy?: () => void;
};

/** What a secret may be: 64 KiB, which base64 and JSON escapes lengthen. */
const MAX_BYTES = 512 * 1024;

/** The SDK's requests over our connection, with its TLS rules, its proxy and its cap, and without redirects. */
export function handlerOver(net: Net, { until, destroy = () => {} }: HandlerOptions): RequestHandler {
  return {
    destroy,
    async handle(request: SdkRequest, options: { readonly abortSignal?: AbortSignal } = {}) {
      const { host: _host, 'content-length': _length, ...headers } = request.headers;
      const port = request.port === undefined ? '' : `:${request.port}`;
      const { body } = request;
      const signals = [until, options.abortSignal].filter((signal) => signal !== undefined);
      const answer = await net.request({
        method: 'POST',
        url: `${request.protocol}//${request.hostname}${port}${request.path}`,
        headers,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : Uint8Array.from(body) }),
        maxBytes: MAX_BYTES,
        signal: AbortSignal.any(signals),
      });
      const { status: statusCode, headers: answered, body: bytes } = answer;
      return { response: { statusCode, headers: answered, body: Readable.from([bytes]) } };
    },
  };
}
