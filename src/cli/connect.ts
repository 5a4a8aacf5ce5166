import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { resolve } from 'node:path';
import type { PeerCertificate } from 'node:tls';
import type { ApiConfig, Role, TokenConfig } from '../config/types.ts';
import { plaintextFault } from '../model/fields.ts';
import { KeywardenError } from '../model/index.ts';
import { Client, type Endpoint } from './client.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';

/** The roles that may do what a command asks, the best first. */
const READERS: readonly Role[] = ['admin', 'operator', 'reader'];
export const VALUE_READERS: readonly Role[] = ['admin', 'app'];
export const OPERATORS: readonly Role[] = ['admin', 'operator'];
export const ADMINS: readonly Role[] = ['admin'];

/**
 * The daemon that the options name: `--url` or `$KEYWARDEN_URL`, else `api.listen` of the configuration with one of its
 * tokens. A flag goes before the environment, the environment before the configuration.
 *
 * @throws {CommandError} `usage` where nothing says which daemon, or no token can be read
 */
export async function connect(options: RemoteOptions, roles: readonly Role[] = READERS): Promise<Client> {
  const given = await givenToken(options);
  const url = options.url ?? (options.config === undefined ? process.env.KEYWARDEN_URL : undefined);
  if (url !== undefined && url !== '') {
    if (given !== null) return new Client(urlEndpoint(url, options), given);
    throw new CommandError(EXIT.usage, `no token for ${url}: give --token-file FILE or set $KEYWARDEN_TOKEN`);
  }
  const api = await configuredApi(options);
  const endpoint = configuredEndpoint(api, options);
  return new Client(endpoint, given ?? (await configuredToken(api, roles)));
}

async function givenToken({ tokenFile }: RemoteOptions): Promise<string | null> {
  if (tokenFile === undefined) return process.env.KEYWARDEN_TOKEN || null;
  const { secretReader } = await import('../config/secret-reader.ts');
  const { value } = await secretReader(process.env)({ file: resolve(tokenFile) });
  return headerText(value.reveal().trim(), `the file ${tokenFile}`);
}

/** A token travels in a header. */
function headerText(token: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CommandError(EXIT.usage, `${where} holds no token: one line of visible ASCII without blanks`);
}

function urlEndpoint(text: string, { caFile }: RemoteOptions): Endpoint {
  if (text.startsWith('unix:'))
    return { address: text, at: { kind: 'unix', path: text.slice(5) }, tls: null };
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new CommandError(
      EXIT.usage,
      '--url: expected https://HOST:PORT, http://127.0.0.1:PORT or unix:PATH',
    );
  }
  const fault = plaintextFault(text, true);
  if (fault !== null)
    throw new CommandError(EXIT.usage, `--url: ${fault}: the token would be readable on the way`);
  return {
    address: text,
    at: { kind: 'tcp', url },
    tls: url.protocol === 'https:' ? trusting(caFile, null) : null,
  };
}

async function configuredApi({ config: files }: RemoteOptions): Promise<ApiConfig> {
  const { ConfigError, readConfig } = await import('../config/index.ts');
  // Offline: a shell need not hold the secrets that the daemon has.
  const { config, faults } = await readConfig({ files, env: process.env, cwd: process.cwd(), offline: true });
  if (config === null) throw new ConfigError(faults);
  return config.api;
}

const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function configuredEndpoint({ listen, tls }: ApiConfig, { caFile }: RemoteOptions): Endpoint {
  const trust = tls === null ? null : trusting(caFile, tls.certFile);
  if (listen.kind === 'unix') {
    return { address: `unix:${listen.path}`, at: { kind: 'unix', path: listen.path }, tls: trust };
  }
  const host = EVERYWHERE[listen.host] ?? listen.host;
  const authority = `${host.includes(':') ? `[${host}]` : host}:${listen.port}`;
  const address = `${tls === null ? 'http' : 'https'}://${authority}`;
  return { address, at: { kind: 'tcp', url: new URL(address) }, tls: trust };
}

/**
 * Whom to trust: the authorities that Node knows, `caFile`, and the daemon's own certificate where the configuration
 * names it. That one is known to the letter, so it need not be made for the name it is reached by.
 */
function trusting(caFile: string | undefined, ownFile: string | null): RequestOptions {
  const { checkServerIdentity, getCACertificates } = process.getBuiltinModule('node:tls');
  const own = ownFile === null ? null : readPem(ownFile, 'api.tls.certFile');
  const further = caFile === undefined ? [] : [readPem(caFile, '--ca-file')];
  const known = own === null ? null : new X509Certificate(own).raw;
  return {
    ca: [...getCACertificates('default'), ...further, ...(own === null ? [] : [own])],
    allowPartialTrustChain: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      known?.equals(certificate.raw) === true ? undefined : checkServerIdentity(host, certificate),
  };
}

function readPem(file: string, what: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    new X509Certificate(text);
    return text;
  } catch {
    throw new CommandError(EXIT.usage, `${what}: ${file} cannot be read, or holds no certificate in PEM`);
  }
}

/** The first token of a fitting role whose secret can be read here. */
async function configuredToken({ tokens }: ApiConfig, roles: readonly Role[]): Promise<string> {
  const fitting = roles.flatMap((role) => tokens.filter((token) => token.role === role));
  const reasons: string[] = [];
  for (const token of fitting) {
    for (const source of token.secrets) {
      try {
        return headerText((await source.read()).reveal(), source.where);
      } catch (error) {
        if (!(error instanceof KeywardenError)) throw error;
        reasons.push(`${token.name}: ${error.message}`);
      }
    }
  }
  throw new CommandError(EXIT.usage, withoutToken(fitting, roles, reasons));
}

function withoutToken(
  fitting: readonly TokenConfig[],
  roles: readonly Role[],
  reasons: readonly string[],
): string {
  return fitting.length === 0
    ? `api.tokens of the configuration has none with the role ${roles.join(' or ')}; add one, or give --token-file`
    : `no token can be read here (${reasons.join('; ')}); put that right, or give --token-file`;
}
