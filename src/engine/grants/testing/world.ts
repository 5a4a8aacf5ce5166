import { expect, onTestFinished } from 'vitest';
import type { OAuthClientConfig } from '../../../config/types.ts';
import {
  type Alert,
  type Change,
  DAY,
  type Grant,
  type Log,
  MINUTE,
  SECOND,
  Secret,
  SecretSource,
} from '../../../model/index.ts';
import { grantId, type State, StateError } from '../../../state/contract.ts';
import { openMemory } from '../../../state/sqlite/index.ts';
import type { EngineContext } from '../../context.ts';
import { Engine } from '../../engine.ts';
import { createKeyedHash } from '../../hash.ts';
import { WHILE_IT_LIVES } from '../../loop.ts';
import { contextOf } from '../../testing/context.ts';
import { HandClock } from '../../testing/hand-clock.ts';
import type { HandedOut, HandOutRequest } from '../contract.ts';
import { FakeServer } from './server.ts';

export const CLIENT = 'footage-app';
const NOW = Date.UTC(2026, 9, 1, 9);
const _quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => _quiet };
/** What a test waits for comes within this time, ms, or the test fails. */
const PATIENCE = { timeout: 5_000, interval: 2 };

const DISK_FULL = new StateError('state_full', 'the disk is full');

export type WorldOptions = {
  readonly refreshGrace?: number;
  readonly requestsPerMinute?: number;
  /** How long a claim holds, ms; absent: as long as the process. */
  readonly claimFor?: number;
  /** False: the test starts the engine itself. */
  readonly started?: boolean;
};

/** An engine with one OAuth client, a state in memory, a server whose answers the test chooses, and a clock it moves. */
export class World {
  readonly clock = new HandClock(NOW);
  readonly server = new FakeServer(this.clock);
  readonly state: State;
  readonly context: EngineContext;
  readonly engine: Engine;

  constructor(state: State, options: WorldOptions) {
    const { refreshGrace = 0, requestsPerMinute = 60_000, claimFor = WHILE_IT_LIVES } = options;
    this.state = state;
    const client: OAuthClientConfig = {
      name: CLIENT,
      provider: 'frameflow',
      settings: {
        clientId: 'id',
        authentication: 'client_secret_basic',
        secret: new SecretSource({ env: 'CLIENT_SECRET' }),
        redirectUri: 'https://keywarden.test/oauth/callback',
      },
      returnUrls: ['https://app.test/back'],
      policy: {
        client: CLIENT,
        scopes: ['asset:read', 'license:buy'],
        before: 5 * MINUTE,
        keepAlive: 60 * DAY,
        refreshGrace,
        refreshLifetime: 90 * DAY,
      },
      requestsPerMinute,
    };
    this.context = grantsContext(this, client, claimFor);
    this.engine = new Engine(this.context);
  }

  async start(): Promise<void> {
    await this.engine.start(() => ({ stop() {} }));
    await this.rest();
  }

  /** A grant that moved in: no access token yet. */
  async moveIn(subject: string, refreshToken = this.server.issue()): Promise<void> {
    const grant = { subject, refreshToken: Secret.from(refreshToken), scopes: null };
    await this.engine.grants.takeOver(CLIENT, [grant], 'test');
  }

  /** One that was refreshed, and has an access token. */
  async settle(subject: string): Promise<Grant> {
    await this.moveIn(subject);
    await this.rest();
    return this.grant(subject);
  }

  token(subject: string, request: Partial<HandOutRequest> = {}): Promise<HandedOut> {
    const signal = new AbortController().signal;
    return this.engine.grants.accessToken(CLIENT, subject, {
      scopes: null,
      rejected: null,
      patienceMs: 5_000,
      signal,
      ...request,
    });
  }

  /** The first token after a while: the grant, alone in its world, is then due before that token ends. */
  async use(subject: string): Promise<HandedOut> {
    const token = await this.token(subject);
    // Uses are gathered for a second.
    await this.advance(SECOND);
    await expect.poll(() => this.dueAt(), PATIENCE).toBeLessThan(token.expiresAt);
    await this.rest();
    return token;
  }

  async grant(subject: string): Promise<Grant> {
    const held = await this.state.grant(CLIENT, subject);
    if (held === null) throw new Error(`there is no grant of ${subject}`);
    return held.grant;
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.state.alerts({ state: 'open' })).items;
  }

  /** The state takes so many of these commits only after it has refused them. */
  refuse(times: number, matches: (changes: readonly Change[]) => boolean, error = DISK_FULL): void {
    const commit = this.state.commit.bind(this.state);
    let left = times;
    this.state.commit = async (changes, options) => {
      const refused = left > 0 && matches(changes);
      if (refused) left -= 1;
      if (refused) throw error;
      return commit(changes, options);
    };
  }

  /** Resolves once nothing runs. */
  async rest(): Promise<void> {
    await expect.poll(() => this.engine.active, PATIENCE).toBe(0);
  }

  /** Moves time on and lets what is due then run. */
  async advance(ms: number): Promise<void> {
    this.clock.move(ms);
    await this.rest();
  }

  /** Resolves once so many requests have reached the server. */
  async arrived(count: number): Promise<void> {
    await expect.poll(() => this.server.presented.length, PATIENCE).toBe(count);
  }

  /** When the grant is due next, by the engine's clock. */
  async dueAt(): Promise<number | undefined> {
    return (await this.state.nextDue([`grants:${CLIENT}`])).get(`grants:${CLIENT}`);
  }

  /** The id of its claim. */
  idOf(subject: string): string {
    return grantId(CLIENT, subject);
  }
}

/** Gone at the test's end. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const state = await openMemory({
    keys: [Secret.from(Buffer.alloc(32, 7))],
    now: () => NOW,
    owner: 'test',
  });
  const world = new World(state, options);
  onTestFinished(async () => {
    await world.engine.stop();
    await state.close();
  });
  if (options.started !== false) await world.start();
  return world;
}

function grantsContext(
  { state, clock, server }: World,
  client: OAuthClientConfig,
  claimFor: number,
): EngineContext {
  return contextOf({
    state,
    clock,
    config: { oauthClients: { [client.name]: client } },
    plugins: { clients: new Map([[client.name, server]]) },
    claimFor,
    hash: createKeyedHash(Secret.from(Buffer.alloc(32, 1))),
  });
}
