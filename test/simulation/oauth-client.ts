import { SECOND, Secret } from '../../src/model/index.ts';
import type { OAuthClient, TokenAnswer } from '../../src/providers/contract.ts';
import { CLIENT } from './config.ts';
import type { Life, World } from './ground.ts';
import { refused } from './issuer.ts';
import { clockOf } from './provider.ts';

/** What one engine holds of the authorization server: every call is an effect that a fault can strike. */
export function oauthClientOf(world: World, life: Life): OAuthClient {
  const { authorizer } = world;
  const target = CLIENT;
  const { dated, seenClock } = clockOf(world, life);
  life.serverTimeKnown = () => seenClock() !== null;
  return {
    // Users' grants move in; how a code becomes a grant is no matter of time and chance.
    authorizeUrl: () => notHere(),
    checkCallback: () => notHere(),
    exchange: () => notHere(),
    refresh: async (token) => {
      const value = token.reveal();
      const refresh = () => Secret.from(authorizer.refresh(value));
      const garbage = () => {
        refresh();
        return Secret.from('<html>welcome to the portal</html>');
      };
      world.tell('onRefresh', { life, token: value });
      try {
        const bent = { garbage, ...clientFaults(world) };
        return await dated(life.call({ effect: 'refresh', target, apply: refresh, bent }));
      } finally {
        world.tell('onRefreshEnd', { life, token: value });
      }
    },
    parse: async (answer) => parse(answer),
    revoke: (token) => {
      const revoke = () => authorizer.revoke(token.reveal());
      const garbage = () => {
        revoke();
        throw refused('unusable_answer', 'unknown', 'the answer is none to a revocation');
      };
      const bent = { garbage, ...clientFaults(world) };
      return dated(life.call({ effect: 'revoke', target, apply: revoke, bent }));
    },
    introspect: null,
    seenClock,
    close: async () => undefined,
  };
}

function clientFaults(world: World) {
  return {
    'rate-limited': (extent: number) => {
      throw refused('rate_limited', 'retryable', 'too many requests', extent);
    },
    'client-refused': (extent: number) => {
      world.authorizer.refusesClientUntil = Math.min(world.healsAt, world.time + extent);
      throw refused('invalid_client', 'permanent', 'it does not accept the client');
    },
  };
}

function notHere(): Promise<never> {
  return Promise.reject(refused('not_simulated', 'permanent', 'nobody consents by a browser here'));
}

function parse(answer: Secret): TokenAnswer {
  const body = parseJson(answer.reveal());
  const [access, refresh] = [body.access_token, body.refresh_token];
  if (typeof access !== 'string' || typeof refresh !== 'string')
    throw refused('unusable_answer', 'unknown', 'there is no token in the answer');
  const ms = (seconds: unknown) => (typeof seconds === 'number' ? seconds * SECOND : null);
  return {
    access: Secret.from(access),
    refresh: Secret.from(refresh),
    expiresIn: ms(body.expires_in),
    refreshExpiresIn: ms(body.refresh_token_expires_in),
    scopes: null,
    faults: [],
  };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
