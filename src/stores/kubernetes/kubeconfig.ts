import { parse } from 'yaml';
import { z } from 'zod';
import { EdgeError } from '../../model/index.ts';

/** Text that stands in the kubeconfig itself, or in a file that it names. */
export type Given = { readonly text: string } | { readonly file: string };

/** What the current context of a kubeconfig leads to. */
export type Kubeconfig = {
  readonly server: string;
  readonly ca: Given | null;
  readonly token: Given | null;
  readonly client: { readonly certificate: Given; readonly key: Given } | null;
};

const text = z.string().min(1).optional();

const cluster = z.object({
  server: z.string().min(1),
  'certificate-authority': text,
  'certificate-authority-data': z.base64().optional(),
});

const user = z.object({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': z.base64().optional(),
  'client-key': text,
  'client-key-data': z.base64().optional(),
});

const context = z.object({ cluster: z.string(), user: z.string() });

const document = z.object({
  'current-context': z.string().min(1),
  clusters: z.array(z.object({ name: z.string(), cluster: z.looseObject({}) })),
  users: z.array(z.object({ name: z.string(), user: z.looseObject({}).nullish() })),
  contexts: z.array(z.object({ name: z.string(), context: z.looseObject({}) })),
});

/** What would have to be obeyed and is not, and what to do instead. */
const REFUSED: ReadonlyArray<readonly [key: string, advice: string]> = [
  ['insecure-skip-tls-verify', 'the certificate is always checked: give certificate-authority-data instead'],
  ['tls-server-name', 'not supported: use an address that the certificate names'],
  ['proxy-url', 'not supported: give proxy in the store instead'],
  ['exec', 'no program is run for credentials: give a token, a tokenFile or a client certificate'],
  ['auth-provider', 'not supported: give a token, a tokenFile or a client certificate'],
  ['username', 'passwords are not supported: give a token, a tokenFile or a client certificate'],
  ['as', 'impersonation is not supported: name the user itself'],
];

/**
 * The current context of a kubeconfig. Data in it comes before files, a tokenFile before a token.
 * Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 *
 * @throws {EdgeError} `kubeconfig`; the message quotes names of keys, clusters and users, and no value
 */
export function parseKubeconfig(source: string): Kubeconfig {
  const config = shaped(document, yamlIn(source), 'it');
  const chosen = config['current-context'];
  const named = <T extends { readonly name: string }>(list: readonly T[], name: string, what: string): T => {
    const found = list.find((each) => each.name === name);
    if (found === undefined) throw unusable(`it has no ${what} named ${name}`);
    return found;
  };
  const at = shaped(context, named(config.contexts, chosen, 'context').context, `context ${chosen}`);
  const ofCluster = named(config.clusters, at.cluster, 'cluster').cluster;
  const ofUser = named(config.users, at.user, 'user').user ?? {};
  refuse(ofCluster, `cluster ${at.cluster}`);
  refuse(ofUser, `user ${at.user}`);
  const { server, ...ca } = shaped(cluster, ofCluster, `cluster ${at.cluster}`);
  return {
    server: server.replace(/\/+$/, ''),
    ca: given(ca['certificate-authority-data'], ca['certificate-authority']),
    ...loginOf(shaped(user, ofUser, `user ${at.user}`), at.user),
  };
}

function loginOf(own: z.output<typeof user>, name: string): Pick<Kubeconfig, 'token' | 'client'> {
  const certificate = given(own['client-certificate-data'], own['client-certificate']);
  const key = given(own['client-key-data'], own['client-key']);
  if ((certificate === null) !== (key === null)) {
    throw unusable(`user ${name} has a client certificate without its key, or the other way round`);
  }
  const client = certificate === null || key === null ? null : { certificate, key };
  const token =
    own.tokenFile === undefined
      ? own.token === undefined
        ? null
        : { text: own.token }
      : { file: own.tokenFile };
  if (token === null && client === null) {
    throw unusable(`user ${name} has no token, tokenFile or client certificate`);
  }
  return { token, client };
}

function given(data: string | undefined, file: string | undefined): Given | null {
  if (data !== undefined) return { text: Buffer.from(data, 'base64').toString('utf8') };
  return file === undefined ? null : { file };
}

function refuse(fields: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, advice] of REFUSED) {
    const value = fields[key];
    if (value !== undefined && value !== null && value !== false && value !== '') {
      throw unusable(`${where} has ${key}: ${advice}`);
    }
  }
}

function yamlIn(source: string): unknown {
  try {
    // Warnings would be printed, and quote the line.
    return parse(source, { logLevel: 'error' });
  } catch {
    // So does its message.
    throw unusable('it is not YAML');
  }
}

function shaped<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const keys = parsed.error.issues.map(({ path }) => path.join('.')).filter((key) => key !== '');
  throw unusable(`${where} lacks, or has in another form: ${[...new Set(keys)].join(', ') || 'everything'}`);
}

function unusable(why: string): EdgeError {
  return new EdgeError({
    code: 'kubeconfig',
    verdict: 'permanent',
    message: `the kubeconfig cannot be used: ${why}`,
  });
}
