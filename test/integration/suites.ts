/** Tests against a server that none of us wrote, and what it takes to run them. */
export type Suite = {
  readonly what: string;
  readonly file: string;
  /** Environment variables that say where the server is; all have to be there. */
  readonly needs: readonly string[];
  /** How somebody gets such a server. */
  readonly start: readonly string[];
};

const COMPOSE = 'docker compose -f test/integration/compose.yaml up --wait --detach';

export const SUITES: readonly Suite[] = [
  {
    what: 'the Vault store against OpenBao or Vault',
    file: 'test/integration/vault.integration.ts',
    needs: ['VAULT_ADDR', 'VAULT_TOKEN'],
    start: [`${COMPOSE} openbao`, 'export VAULT_ADDR=http://127.0.0.1:8200 VAULT_TOKEN=keywarden'],
  },
  {
    what: 'the AWS Secrets Manager store against moto or LocalStack',
    file: 'test/integration/aws.integration.ts',
    needs: ['AWS_ENDPOINT_URL_SECRETS_MANAGER'],
    start: [`${COMPOSE} moto`, 'export AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:5000'],
  },
  {
    what: 'the AWS Secrets Manager store by an assumed role',
    file: 'test/integration/aws-role.integration.ts',
    needs: ['AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ENDPOINT_URL_STS'],
    start: [
      `${COMPOSE} moto`,
      'export AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:5000 AWS_ENDPOINT_URL_STS=http://127.0.0.1:5000',
    ],
  },
  {
    what: 'the IAM policy of docs/aws-secrets-manager.md, at moto, which alone can be told to keep to it',
    file: 'test/integration/aws-policy.integration.ts',
    needs: ['AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL_IAM'],
    start: [
      `${COMPOSE} moto`,
      'export AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:5000 AWS_ENDPOINT_URL_STS=http://127.0.0.1:5000',
      'export AWS_ENDPOINT_URL_IAM=http://127.0.0.1:5000',
    ],
  },
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Files of the suites that `env` gives no server for, and what is to be said of them. */
export function planned(env: Environment): { readonly leftOut: readonly string[]; readonly notes: string } {
  const lacking = ({ needs }: Suite) => needs.filter((name) => (env[name] ?? '') === '');
  const without = SUITES.filter((suite) => lacking(suite).length > 0);
  const notes = without.map((suite) =>
    [
      `LEFT OUT: ${suite.what}. Not set: ${lacking(suite).join(', ')}. To run it:`,
      ...suite.start.map((line) => `    ${line}`),
      '',
    ].join('\n'),
  );
  return { leftOut: without.map(({ file }) => file), notes: notes.join('') };
}
