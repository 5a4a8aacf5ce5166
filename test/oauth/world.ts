import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { OAuthClientConfig } from '../../src/config/types.ts';
import type { EngineContext } from '../../src/engine/context.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { HandedOut, HandOutRequest } from '../../src/engine/grants/contract.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { WHILE_IT_LIVES } from '../../src/engine/loop.ts';
import { contextOf } from '../../src/engine/testing/context.ts';
import { type Alert, DAY, type Grant, MINUTE, type NetRequest, Secret } from '../../src/model/index.ts';
import { testContext } from '../../src/providers/contract.suite.ts';
import type { OAuthClient } from '../../src/providers/contract.ts';
import { create } from '../../src/providers/oauth2/client.ts';
import { schema } from '../../src/providers/oauth2/schema.ts';
import { recordedNet, settingsOf } from '../../src/providers/oauth2/testing.ts';
import { grantsLane, type State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from '../support/authorization-server.ts';
import { LeapingClock } from './leaping-clock.ts';
import { type Death, mortal } from './mortal.ts';

export const CLIENT = 'footage-app';
const MASTER_KEY = Secret.from(Buffer.alloc(32, 7));
/** Nothing listens there. */
const CLOSED_PORT = 1;
/** What a test waits for comes within this time, ms, or the test fails. */
export const PATIENCE = { timeout: 10_000, interval: 5 };

export type WorldOptions = {
  readonly server?: AuthorizationServerOptions;
  readonly refreshGrace?: number;
  readonly requestsPerMinute?: number;
};

/** One daemon's life. */
export type Life = { readonly engine: Engine; readonly death: Death; end(): Promise<void> };

/** A real authorization server, and engines with the real state, SQLite in a file, that refresh its grants. */
export class World {
  readonly clock = new LeapingClock();
  readonly server: AuthorizationServer;
  readonly folder: string;
  /** False: nothing listens where the server was. */
  reachable = true;
  readonly #options: WorldOptions;
  #state: State | null = null;
  #life: Life | null = null;

  constructor(server: AuthorizationServer, folder: string, options: WorldOptions) {
    this.server = server;
    this.folder = folder;
    this.#options = options;
  }

  get state(): State {
    if (this.#state === null) throw new Error('no daemon runs');
    return this.#state;
  }

  get life(): Life {
    if (this.#life === null) throw new Error('no daemon runs');
    return this.#life;
  }

  get engine(): Engine {
    return this.life.engine;
  }

  /** How often the token endpoint was asked, consents left out. */
  get refreshes(): number {
    return [...this.server.token.presented.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How often the refresh token was presented that was presented most. */
  get most(): number {
    return Math.max(0, ...this.server.token.presented.values());
  }

  async boot(): Promise<void> {
    this.#state = await openSqlite({
      file: join(this.folder, 'keywarden.db'),
      keys: [MASTER_KEY],
      now: this.clock.now,
      owner: 'daemon',
    });
    this.#life = await this.another();
  }

  /** One more engine on the same state. */
  async another(): Promise<Life> {
    const { state, death } = mortal(this.state);
    const edge = this.#edge();
    const engine = new Engine(grantsContext(this, state, edge, this.#client()));
    await engine.start(() => ({ stop() {} }));
    return { engine, death, end: () => engine.stop() };
  }

  /** The daemon dies where it stands, and another starts on the same file. */
  async reboot(): Promise<void> {
    await this.shut();
    await this.boot();
  }

  async shut(): Promise<void> {
    this.#life?.death.now();
    this.clock.drop();
    await this.#state?.close();
    this.#state = null;
  }

  /** A user who consented: it has an access token. */
  async consent(subject: string): Promise<Grant> {
    const { authorizeUrl } = await this.engine.grants.begin(CLIENT, {
      subject,
      returnUrl: null,
      actor: 'test',
    });
    const query = await this.server.consent(authorizeUrl, { subject });
    const { state, error } = await this.engine.grants.callback(query);
    if (state !== 'completed') throw new Error(error?.message ?? state);
    await this.rest();
    return this.grant(subject);
  }

  /** A grant that moves in, with a refresh token of the server's or another. */
  async moveIn(subject: string, token?: string): Promise<void> {
    const refreshToken = Secret.from(
      token ?? (await this.server.grant(this.server.clients.basic, subject, SCOPES)),
    );
    await this.engine.grants.takeOver(CLIENT, [{ subject, refreshToken, scopes: null }], 'test');
  }

  token(
    subject: string,
    request: Partial<HandOutRequest> = {},
    engine: Engine = this.engine,
  ): Promise<HandedOut> {
    return engine.grants.accessToken(CLIENT, subject, {
      scopes: null,
      rejected: null,
      patienceMs: 10_000,
      signal: new AbortController().signal,
      ...request,
    });
  }

  /** The first token after a while: the grant, alone in its world, is then due before that token ends. */
  async use(subject: string): Promise<HandedOut> {
    const token = await this.token(subject);
    const lane = grantsLane(CLIENT);
    const dueAt = async () => (await this.state.nextDue([lane])).get(lane);
    await expect.poll(dueAt, PATIENCE).toBeLessThan(token.expiresAt);
    await this.rest();
    return token;
  }

  async grant(subject: string): Promise<Grant> {
    const held = await this.state.grant(CLIENT, subject);
    if (held === null) throw new Error(`there is no grant of ${subject}`);
    return held.grant;
  }

  /** Resolves once the grant is so. */
  async until(subject: string, wanted: Partial<Grant>): Promise<Grant> {
    await expect.poll(() => this.grant(subject), PATIENCE).toMatchObject(wanted);
    await this.rest();
    return this.grant(subject);
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.state.alerts({ state: 'open' })).items;
  }

  /** Resolves once nothing runs. */
  async rest(): Promise<void> {
    await expect.poll(() => this.engine.active, PATIENCE).toBe(0);
  }

  /** So long passes, and what is due then runs. */
  async leap(ms: number): Promise<void> {
    this.clock.leap(ms);
    // The timer fires in a turn of its own.
    await new Promise((resolve) => setTimeout(resolve));
    await this.rest();
  }

  #edge(): OAuthClient {
    const config = schema.parse({
      kind: 'oauth2',
      issuer: this.server.issuer,
      allowPlaintextLoopback: true,
      timeout: '10s',
    });
    const settings = settingsOf(this.server.clients.basic, this.server.redirectUri);
    const { net } = recordedNet((request) =>
      this.reachable ? request : { ...request, url: request.url.replace(/:\d+/, `:${CLOSED_PORT}`) },
    );
    // The server lives through what leaps: its answers show it.
    const request = async (wanted: NetRequest) => {
      const answer = await net.request(wanted);
      const date = new Date(Date.now() + this.clock.leapt).toUTCString();
      return { ...answer, headers: { ...answer.headers, date } };
    };
    return create(testContext(config, { ...net, request }, this.clock), settings);
  }

  #client(): OAuthClientConfig {
    const { refreshGrace = 0, requestsPerMinute = 60_000 } = this.#options;
    return {
      name: CLIENT,
      provider: 'server',
      settings: settingsOf(this.server.clients.basic, this.server.redirectUri),
      returnUrls: [],
      policy: {
        client: CLIENT,
        scopes: SCOPES,
        before: 5 * MINUTE,
        keepAlive: 60 * DAY,
        refreshGrace,
        refreshLifetime: 90 * DAY,
      },
      requestsPerMinute,
    };
  }
}

const SCOPES = ['asset:download', 'license:purchase'];

/** Gone at the test's end. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-oauth-'));
  const server = await startAuthorizationServer(options.server);
  const world = new World(server, folder, options);
  onTestFinished(async () => {
    await world.shut();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  await world.boot();
  return world;
}

function grantsContext(
  { clock }: World,
  state: State,
  edge: OAuthClient,
  client: OAuthClientConfig,
): EngineContext {
  return contextOf({
    state,
    clock,
    config: { oauthClients: { [client.name]: client } },
    plugins: { clients: new Map([[client.name, edge]]) },
    claimFor: WHILE_IT_LIVES,
    hash: createKeyedHash(Secret.from(Buffer.alloc(32, 1))),
  });
}
