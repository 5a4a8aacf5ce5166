import type { StarterAnswers } from '../config/index.ts';
import { CommandError, EXIT } from './exit.ts';

/** The flags of `init` that answer one of its questions. */
export type Flags = {
  readonly name?: string;
  readonly environment?: string;
  readonly tier?: string;
  readonly credential?: string;
  readonly secretEnv?: string;
  readonly geolocations?: string;
  readonly vault?: string;
  readonly vaultPath?: string;
  readonly vaultField?: string;
  readonly vaultTokenEnv?: string;
  readonly file?: string;
  readonly variable?: string;
  readonly slackEnv?: string;
  readonly pagerdutyEnv?: string;
};

/** Puts one question to a person; an empty answer is the fallback. */
export type Ask = (question: string, fallback: string) => Promise<string>;

/** What a person decides; where the keys lie is `init`'s own choice. */
export type Answers = Omit<StarterAnswers, 'masterKeyFile' | 'stateDirectory' | 'adminTokenFile'>;

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const COUNTRIES = /^[A-Z]{2}(,[A-Z]{2})*$/;

const names = (text: string) =>
  NAME.test(text) ? null : 'expected a name such as frameflow-prod: a-z, 0-9, ".", "_", "-"';
const variables = (text: string) =>
  VARIABLE.test(text) ? null : 'expected the name of an environment variable, never the secret itself';
const addresses = (text: string) =>
  URL.parse(text)?.protocol === 'https:' ? null : 'expected an address such as https://vault.internal:8200';
const tiers = (text: string) =>
  text === 'standard' || text === 'pro' || /^[1-9]\d{0,6}$/.test(text)
    ? null
    : 'expected standard, pro, or the requests per minute';
const anything = (text: string) => (text === '' ? 'expected something' : null);
const countries = (text: string) => (COUNTRIES.test(text) ? null : 'expected country codes such as DE,US');

/**
 * The answers that a configuration is written from: a flag where it is given, else what a person says, else the default.
 * `ask` null: nobody is asked.
 *
 * @throws {CommandError} `usage` where a flag cannot be used
 */
export async function answersFrom(flags: Flags, ask: Ask | null): Promise<Answers> {
  const one = question(ask);
  const installation = await one(flags.name, 'Name of this installation', 'keywarden', names);
  const environment = await one(flags.environment, 'Environment', 'production', names);
  const tier = await one(
    flags.tier,
    "FrameFlow's tier (standard, pro, or requests per minute)",
    'standard',
    tiers,
  );
  const credential = await one(flags.credential, 'Name of the credential', 'frameflow-prod', names);
  const secretEnv = await one(
    flags.secretEnv,
    'Environment variable that holds its first key',
    'FRAMEFLOW_API_KEY',
    variables,
  );
  const geolocations = await one(
    flags.geolocations,
    'Countries your calls come from, such as DE,US (empty: not watched)',
    '',
    optional(countries),
  );
  return {
    installation,
    environment,
    tier: tier === 'standard' || tier === 'pro' ? tier : { requestsPerMinute: Number(tier) },
    credential,
    secretEnv,
    ...(await vaultFrom(flags, one, credential)),
    ...(await fileFrom(flags, one, secretEnv)),
    ...(await channelsFrom(flags, one)),
    ...(geolocations === '' ? {} : { geolocations: geolocations.split(',') }),
  };
}

type Check = (text: string) => string | null;
type One = (flag: string | undefined, text: string, fallback: string, check: Check) => Promise<string>;

/** A flag that cannot be used is an error; an answer that cannot be used is asked for again. */
function question(ask: Ask | null): One {
  return async (flag, text, fallback, check) => {
    if (flag !== undefined) {
      const fault = check(flag);
      if (fault === null) return flag;
      throw new CommandError(EXIT.usage, `${text}: ${fault}`);
    }
    if (ask === null) return fallback;
    for (let hint = ''; ; ) {
      const answer = await ask(`${hint}${text}`, fallback);
      const fault = check(answer);
      if (fault === null) return answer;
      hint = `(${fault}) `;
    }
  };
}

function optional(check: Check): Check {
  return (text) => (text === '' ? null : check(text));
}

async function vaultFrom(flags: Flags, one: One, credential: string): Promise<Pick<Answers, 'vault'>> {
  const address = await one(flags.vault, 'Vault address (empty: none)', '', optional(addresses));
  if (address === '') return {};
  const path = await one(flags.vaultPath, 'Path of the secret in Vault', credential, anything);
  const field = await one(flags.vaultField, 'Field of the secret', 'api_key', anything);
  const tokenEnv = await one(
    flags.vaultTokenEnv,
    'Environment variable that holds the Vault token',
    'VAULT_TOKEN',
    variables,
  );
  return { vault: { address, path, field, auth: { method: 'token', tokenEnv } } };
}

async function fileFrom(flags: Flags, one: One, secretEnv: string): Promise<Pick<Answers, 'file'>> {
  const path = await one(flags.file, 'dotenv file to publish to (empty: none)', '', () => null);
  if (path === '') return {};
  return { file: { path, variable: await one(flags.variable, 'Variable in it', secretEnv, variables) } };
}

async function channelsFrom(flags: Flags, one: One): Promise<Pick<Answers, 'slack' | 'pagerduty'>> {
  const slack = await one(
    flags.slackEnv,
    'Environment variable that holds the Slack webhook URL (empty: none)',
    '',
    optional(variables),
  );
  const pagerduty = await one(
    flags.pagerdutyEnv,
    'Environment variable that holds the PagerDuty routing key (empty: none)',
    '',
    optional(variables),
  );
  return {
    ...(slack === '' ? {} : { slack: { webhookUrlEnv: slack } }),
    ...(pagerduty === '' ? {} : { pagerduty: { routingKeyEnv: pagerduty } }),
  };
}
