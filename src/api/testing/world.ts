import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sandboxServices } from '../../../test/support/sandbox-services.ts';
import { readConfig } from '../../config/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { Commands } from '../../engine/commands.ts';
import { Engine } from '../../engine/engine.ts';
import { createKeyedHash } from '../../engine/hash.ts';
import { WHILE_IT_LIVES } from '../../engine/loop.ts';
import { loadPlugins } from '../../engine/plugins.ts';
import { Secret } from '../../model/index.ts';
import { rules } from '../../rotation/index.ts';
import { CA_FILE, type Sandbox, startSandbox } from '../../sandbox/index.ts';
import { openSpool } from '../../state/spool-file.ts';
import { openMemory } from '../../state/sqlite/index.ts';
import { Counters } from '../../telemetry/counters.ts';
import { createLog } from '../../telemetry/log.ts';
import { type Api, startApi } from '../api.ts';
import { MemoryGrants } from './grants.ts';

export const TOKENS = {
  admin: 'admin-token-R7dGm2XqLw',
  operator: 'operator-token-P4sZk8VnTc',
  reader: 'reader-token-J9bYh3WfQx',
  app: 'app-token-M5tNv6KjRz',
} as const;

export type TokenName = keyof typeof TOKENS;

/** Long enough for anything to arrive on a busy machine, ms. */
const PATIENCE = 10_000;

export type World = AsyncDisposable & {
  readonly directory: string;
  readonly sandbox: Sandbox;
  readonly engine: Engine;
  readonly api: Api;
  /** What the API asks about grants; no provider stands behind it. */
  readonly grants: MemoryGrants;
  /** Every line of the log. */
  readonly lines: readonly string[];
  /** Resolves once `holds` is true; looks after every turn. */
  until(holds: () => Promise<boolean>): Promise<void>;
};

export type WorldOptions = {
  /** The lines of `api:` in the configuration, tokens aside. */
  readonly api?: string;
  /** False: the loop has not been started. */
  readonly started?: boolean;
  /** A third credential, `by-hand`, whose keys a person makes. */
  readonly guided?: boolean;
};

/** The API over a real engine: state in memory, the sandbox as provider and channel. Two credentials, `mine` and `other`. */
export async function world({
  api = 'listen: 127.0.0.1:0',
  started = true,
  guided = false,
}: WorldOptions = {}): Promise<World> {
  const sandbox = await startSandbox({ firstKeys: [{}, {}] });
  const directory = await mkdtemp(join(tmpdir(), 'keywarden-api-'));
  await writeFile(join(directory, CA_FILE), sandbox.ca);
  await writeFile(join(directory, 'keywarden.yaml'), configuration(sandbox, api, guided));
  const config = await load(directory, sandbox);
  const clock = systemClock();
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json' }, { write: (line) => lines.push(line) });
  const keys = [Secret.from(randomBytes(32))];
  const state = await openMemory({
    keys,
    now: () => clock.now(),
    owner: 'test',
  });
  const hash = createKeyedHash(await state.fingerprintKey());
  const counters = new Counters();
  const plugins = await loadPlugins(config, { clock, hash, log, counters });
  const engine = new Engine({
    config,
    state,
    spool: openSpool({ database: join(directory, 'keywarden.db'), keys, torn: () => undefined }),
    rules,
    claimFor: WHILE_IT_LIVES,
    plugins,
    clock,
    hash,
    log,
    counters,
    newId: randomUUID,
  });
  const grants = new MemoryGrants();
  const listening = await startApi({ engine, commands: new Commands(engine), grants }, config.api, log);
  if (started) await engine.start();
  const until = async (holds: () => Promise<boolean>) => {
    const late = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const turned = engine.nextTurn(late);
      if (await holds()) return;
      if (late.aborted) throw new Error('what was waited for did not come');
      await turned;
    }
  };
  if (started) await until(async () => (await managed(engine)) === (guided ? 3 : 2));
  return {
    directory,
    sandbox,
    engine,
    api: listening,
    grants,
    lines,
    until,
    async [Symbol.asyncDispose]() {
      await engine.stop();
      await listening.close();
      await plugins.close();
      await state.close();
      await sandbox.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function managed({ context }: Engine): Promise<number> {
  const snapshots = await context.state.credentials();
  return snapshots.filter(({ versions }) => versions.some(({ state }) => state === 'current')).length;
}

async function load(directory: string, sandbox: Sandbox) {
  const [first, second] = sandbox.frameflow.keys();
  const env = {
    ...sandbox.environment,
    FIRST_KEY: first?.value,
    SECOND_KEY: second?.value,
    ADMIN: TOKENS.admin,
    OPERATOR: TOKENS.operator,
    READER: TOKENS.reader,
    APP: TOKENS.app,
    CLIENT_SECRET: 'client-secret-X8vQm3',
  };
  const files = [join(directory, 'keywarden.yaml')];
  const { config, faults } = await readConfig({ files, env, cwd: directory });
  if (config === null)
    throw new Error(faults.map(({ problem, keyPath }) => `${keyPath} ${problem}`).join('\n'));
  return config;
}

function configuration(sandbox: Sandbox, api: string, guided: boolean): string {
  const { providers, channels } = sandboxServices(sandbox);
  return `version: 1
installation: { name: test, environment: api }
state: { directory: ./state, encryptionKeys: [{ env: KEYWARDEN_MASTER_KEY }] }
${providers}${guided ? stockflow(sandbox) : ''}
credentials:
  mine:
    provider: frameflow
    secret: { env: FIRST_KEY }
    publish: [{ file: ./mine.env, format: dotenv, variable: KEY }]
  other: { provider: frameflow, secret: { env: SECOND_KEY } }
${guided ? BY_HAND : ''}\
${CLIENTS}\
monitors:
  log: { provider: frameflow, credential: mine, geolocations: [DE] }
${channels}
api:
  ${api}
  tokens:
    ops: { role: admin, secret: { env: ADMIN } }
    duty: { role: operator, secret: { env: OPERATOR } }
    board: { role: reader, secret: { env: READER } }
    shop: { role: app, secret: { env: APP }, credentials: [mine], oauthClients: [shop-app] }
`;
}

const stockflow = ({ stockflow: { url } }: Sandbox) =>
  `\n  stockflow: { kind: stockflow, apiUrl: ${url}, tls: { caFile: ${CA_FILE} } }`;

const BY_HAND = `  by-hand:
    provider: stockflow
    secret: { env: STOCKFLOW_API_KEY }
    rotation: { mode: guided }
    publish: [{ file: ./by-hand.env, format: dotenv, variable: KEY }]
`;

const client = (name: string, redirectUri: string) => `  ${name}:
    provider: frameflow
    clientId: ${name}
    clientSecret: { env: CLIENT_SECRET }
    redirectUri: ${redirectUri}
    returnUrls: ["https://shop.example.com/connected"]
    scopes: ["asset:download"]
`;

/** The callback of `other-app` is hosted by its application. */
const CLIENTS = `oauthClients:
${client('shop-app', 'http://127.0.0.1/oauth/callback')}${client('other-app', 'https://other.example.com/oauth/callback')}`;
