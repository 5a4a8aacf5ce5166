import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { EdgeError, type PluginContext } from '../../model/index.ts';
import { handlerOver } from './handler.ts';
import { loginRefusal, roleRefusal } from './login-verdicts.ts';
import type { AwsSecretsManagerConfig } from './schema.ts';
import { late } from './verdicts.ts';
import { within } from './within.ts';

type Credentials = Extract<
  NonNullable<SecretsManagerClientConfig['credentials']>,
  (...args: never[]) => unknown
>;

/** STS takes 2 to 64 characters: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const MAX_SESSION_NAME = 64;

/**
 * Credentials of the role `roleArn`, taken with those of the SDK's default chain. Each call asks STS anew, over our
 * own connection and within our own time; the SDK keeps the answer until five minutes before its end. AWS's log
 * shows the session as `keywarden-<store>`.
 *
 * It throws EdgeErrors: `role_refused`, and what {@link loginRefusal} and {@link roleRefusal} make of the rest.
 */
export function credentialsOf(
  roleArn: string,
  { name, config, net }: PluginContext<AwsSecretsManagerConfig>,
  closing: AbortSignal,
): Credentials {
  return async () => {
    const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
    const deadline = AbortSignal.timeout(config.timeout);
    const expired = () => late(config.timeout, { doing: `assuming ${roleArn}`, writes: false });
    const own = fromNodeProviderChain({ ignoreCache: true });
    const assume = fromTemporaryCredentials({
      params: { RoleArn: roleArn, RoleSessionName: `keywarden-${name}`.slice(0, MAX_SESSION_NAME) },
      masterCredentials: (properties) =>
        own(properties).catch((error: unknown) => {
          throw loginRefusal(error);
        }),
      clientConfig: {
        region: config.region,
        maxAttempts: 2,
        retryMode: 'standard',
        requestHandler: handlerOver(net, { until: AbortSignal.any([deadline, closing]) }),
      },
    });
    try {
      return await within(deadline, expired, () => assume());
    } catch (error) {
      if (deadline.aborted) throw expired();
      throw error instanceof EdgeError ? loginRefusal(error) : roleRefusal(error, roleArn);
    }
  };
}
