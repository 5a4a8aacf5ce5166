import { ALERTS_LANE } from '../alerting/outbox.ts';
import { capsOf } from '../alerting/throttle.ts';
import type { Config } from '../config/types.ts';
import type { HookConfig } from '../hooks/contract.ts';
import { grantsLane } from '../state/contract.ts';
import type { Gate, Lane } from './loop.ts';

/** A credential's turn mostly waits for its provider or a store; many wait side by side. */
const CREDENTIALS_AT_ONCE = 256;
const PUBLICATIONS_AT_ONCE = 16;
const DELIVERIES_AT_ONCE = 4;
const ALERTS_AT_ONCE = 4;
const HOOKS_AT_ONCE = 8;
const GRANTS_AT_ONCE = 256;
const CONSENTS_AT_ONCE = 32;
const CLIENTS_AT_ONCE = 4;

export const credentialLane = (provider: string): string => `provider:${provider}`;
export const publicationLane = (store: string): string => `store:${store}`;
export const loginLane = (store: string): string => `login:${store}`;
export const monitorLane = (monitor: string): string => `monitor:${monitor}`;
export const hookLane = (kind: HookConfig['kind']): string => `hook:${kind}`;
const CONSENTS = 'consents:';
export const consentLane = (client: string): string => `${CONSENTS}${client}`;
/** The client whose consents are claimed in this lane; null for a lane of anything else. */
export const clientOfConsents = (lane: string): string | null =>
  lane.startsWith(CONSENTS) ? lane.slice(CONSENTS.length) : null;
export const CLIENTS_LANE = 'clients';
export const WATCHDOG_LANE = 'watchdog';
export const HEARTBEAT_LANE = 'heartbeat';
export const deliveryLane = (channel: string): string => `channel:${channel}`;

/**
 * One lane for each provider, store, store's login, monitor, channel, kind of hook, and two for each OAuth client: none can
 * hold up another.
 *
 * @param gateOf what bounds the grants of a client beside their number
 */
export function lanesOf(config: Config, gateOf: (client: string) => Gate | undefined): Lane[] {
  const stores = [...Object.keys(config.stores), 'file'];
  return [
    // Who is waiting to be woken goes first.
    ...Object.entries(config.channels).map(([name, { kind }]) => ({
      name: deliveryLane(name),
      // What is told together is taken up by one.
      capacity: capsOf(kind).gathers ? 1 : DELIVERIES_AT_ONCE,
    })),
    { name: ALERTS_LANE, capacity: ALERTS_AT_ONCE },
    // A user sits before a browser.
    ...Object.keys(config.oauthClients).map((name) => ({
      name: consentLane(name),
      capacity: CONSENTS_AT_ONCE,
    })),
    ...Object.keys(config.oauthClients).map((name) => grantLane(name, gateOf(name))),
    ...Object.keys(config.providers).map((name) => ({
      name: credentialLane(name),
      capacity: CREDENTIALS_AT_ONCE,
    })),
    ...stores.map((name) => ({ name: publicationLane(name), capacity: PUBLICATIONS_AT_ONCE })),
    ...stores.map((name) => ({ name: loginLane(name), capacity: 1 })),
    ...Object.keys(config.monitors).map((name) => ({ name: monitorLane(name), capacity: 1 })),
    ...hookKinds(config).map((kind) => ({ name: hookLane(kind), capacity: HOOKS_AT_ONCE })),
    { name: CLIENTS_LANE, capacity: CLIENTS_AT_ONCE },
    { name: WATCHDOG_LANE, capacity: 1 },
    ...(config.heartbeat === null ? [] : [{ name: HEARTBEAT_LANE, capacity: 1 }]),
  ];
}

function grantLane(client: string, gate: Gate | undefined): Lane {
  const lane = { name: grantsLane(client), capacity: GRANTS_AT_ONCE };
  return gate === undefined ? lane : { ...lane, gate };
}

function hookKinds({ credentials }: Config): HookConfig['kind'][] {
  const destinations = Object.values(credentials).flatMap(({ destinations }) => destinations);
  return [...new Set(destinations.flatMap(({ onChange }) => (onChange === null ? [] : [onChange.kind])))];
}
