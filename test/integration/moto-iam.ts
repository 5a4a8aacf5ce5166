import { testNet } from '../../src/net/testing/index.ts';

const endpoint = process.env.AWS_ENDPOINT_URL_IAM ?? '';

/** IAM of moto's server, which can be told to keep to what is written there. */
export class MotoIam {
  readonly #net = testNet(null, { allowPlaintextLoopback: true });

  async close(): Promise<void> {
    await this.enforce(false);
    await this.#net.close();
  }

  /** Signatures and policies are checked from now on, or no longer. */
  async enforce(on: boolean): Promise<void> {
    await this.#post('moto-api/reset-auth', 'text/plain', on ? '0' : 'inf');
  }

  /** A role that `user` may take, with one policy. Returns its ARN. */
  async role(name: string, user: string, policy: object): Promise<string> {
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: user }, Action: 'sts:AssumeRole' }],
    };
    const made = await this.#ask('CreateRole', {
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify(trust),
    });
    await this.#ask('PutRolePolicy', {
      RoleName: name,
      PolicyName: 'keywarden',
      PolicyDocument: JSON.stringify(policy),
    });
    return member(made, 'Arn');
  }

  /** A user who may take roles and nothing else, with an access key for the environment. */
  async user(name: string): Promise<{ readonly arn: string; readonly env: Record<string, string> }> {
    const made = await this.#ask('CreateUser', { UserName: name });
    const policy = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
    };
    await this.#ask('PutUserPolicy', {
      UserName: name,
      PolicyName: 'roles',
      PolicyDocument: JSON.stringify(policy),
    });
    const key = await this.#ask('CreateAccessKey', { UserName: name });
    const env = {
      AWS_ACCESS_KEY_ID: member(key, 'AccessKeyId'),
      AWS_SECRET_ACCESS_KEY: member(key, 'SecretAccessKey'),
    };
    return { arn: member(made, 'Arn'), env };
  }

  #ask(action: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const form = new URLSearchParams({ Action: action, Version: '2010-05-08', ...fields });
    return this.#post('', 'application/x-www-form-urlencoded', form.toString());
  }

  async #post(path: string, type: string, body: string): Promise<string> {
    const signed = 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/iam/aws4_request';
    const answer = await this.#net.request({
      method: 'POST',
      url: `${endpoint}/${path}`,
      headers: { Authorization: signed, 'Content-Type': type },
      body,
    });
    const text = answer.body.toString('utf8');
    if (answer.status !== 200) throw new Error(`moto answered ${answer.status} to ${path} ${body}: ${text}`);
    return text;
  }
}

function member(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`no ${name} in ${xml}`);
  return text;
}
