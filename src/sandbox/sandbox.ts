import { randomBytes } from 'node:crypto';
import { Account, type Key } from './account.ts';
import { type Admin, type KeyView, admin as makeAdmin, viewKeys } from './admin.ts';
import { adminRoutes } from './admin-routes.ts';
import { AuthLog } from './auth-log.ts';
import { FaultBook } from './faults.ts';
import { frameflow, frameflowPlaintext } from './frameflow.ts';
import type { WaitOptions } from './inbox.ts';
import { type UserGrant, UserGrants } from './oauth-grants.ts';
import type { OAuthChange, RegisteredClient } from './oauth-settings.ts';
import { PagerDuty, type PagerDutyEvent } from './pagerduty.ts';
import type { Incident } from './pagerduty-incidents.ts';
import { token } from './random.ts';
import { Settings, type SettingsChange, type StockFlowTier, type Tier } from './settings.ts';
import { Slack, type SlackMessage } from './slack.ts';
import { type Ground, standIn } from './stand-in.ts';
import { type NewStockFlowKey, StockFlow, type StockFlowKey, type StockFlowRequest } from './stockflow.ts';
import { makeTls } from './tls.ts';

/** A key that the account has from the start. Default values are drawn at random; `createdAt` is now. */
export type FirstKey = {
  readonly id?: string;
  readonly value?: string;
  readonly name?: string;
  /** ms. */
  readonly createdAt?: number;
};

/** Everything has a default. Ports default to 0: any free one. */
export type SandboxOptions = {
  /** The sandbox's wall clock, ms (fractions are cut off). Default: the machine's. */
  readonly now?: () => number;
  readonly host?: '127.0.0.1';
  readonly ports?: {
    readonly frameflow?: number;
    readonly plaintext?: number;
    readonly stockflow?: number;
    readonly slack?: number;
    readonly pagerduty?: number;
    readonly admin?: number;
  };
  /** How long a key stays valid after its first rotation, ms. Default 72 h. */
  readonly overlapMs?: number;
  /** How long until a fresh key is accepted everywhere, ms of the sandbox's clock; up to 30 s by the contract. Default 0. */
  readonly propagationMs?: number;
  /** Nodes that take requests in turn and learn of a fresh key one after the other within `propagationMs`. Default 1. */
  readonly nodes?: number;
  /** Whether the account has Idempotency-Key. Default true. */
  readonly idempotency?: boolean;
  /** Default pro: 600 requests a minute and key. */
  readonly tier?: Tier;
  /** At least one. Default: one. */
  readonly firstKeys?: readonly FirstKey[];
  /** CIDR blocks from which FrameFlow keys may be used. Default: anywhere. */
  readonly registeredNetworks?: readonly string[];
  /**
   * FrameFlow's authorization server. Default: one client, whose callback is a Keywarden on its default port; a page
   * asks for consent; and what the contract says of lifetimes and rotation.
   */
  readonly oauth?: OAuthChange;
  /** Default standard: 1,200 requests a minute and key. */
  readonly stockflowTier?: StockFlowTier;
  /** The StockFlow key that is there from the start. Default: a live one, made now. */
  readonly stockflowKey?: NewStockFlowKey;
};

/** The running stand-ins. */
export type Sandbox = {
  /** The certificate authority to trust, PEM. */
  readonly ca: string;
  readonly frameflow: {
    readonly url: string;
    /** Answers 403 to everything. */
    readonly plaintextUrl: string;
    readonly firstKey: { readonly id: string; readonly value: string };
    tier(): Tier;
    /** All keys the account ever had, oldest first. */
    keys(): KeyView[];
    /** The whole log, in the order of arrival; entries have the form of the contract unless played in raw. */
    log(): unknown[];
    /** The OAuth client that was registered first. */
    readonly client: RegisteredClient;
    /** What users gave to clients, oldest first. */
    grants(): UserGrant[];
  };
  readonly stockflow: {
    readonly url: string;
    /** The first key's value. */
    readonly key: string;
    tier(): StockFlowTier;
    /** All keys that people ever made, oldest first. */
    keys(): StockFlowKey[];
    /** What came in, oldest first; the last 10,000. */
    requests(): readonly StockFlowRequest[];
  };
  readonly slack: {
    readonly webhookUrl: string;
    messages(): readonly SlackMessage[];
    waitFor(wanted: (message: SlackMessage) => boolean, options?: WaitOptions): Promise<SlackMessage>;
  };
  readonly pagerduty: {
    /** The base; events go to /v2/enqueue below it. */
    readonly url: string;
    readonly routingKey: string;
    events(): readonly PagerDutyEvent[];
    /** Folded by dedup key, oldest first. */
    incidents(): readonly Incident[];
    waitFor(wanted: (event: PagerDutyEvent) => boolean, options?: WaitOptions): Promise<PagerDutyEvent>;
  };
  readonly admin: Admin;
  /** The admin routes; plaintext, on loopback. */
  readonly adminUrl: string;
  /** What a Keywarden beside this sandbox needs in its environment. Development data, made for this run. */
  readonly environment: Readonly<Record<string, string>>;
  /** Cuts every connection; takes no longer than that. */
  close(): Promise<void>;
};

const HOUR = 3_600_000;
const KB = 1024;

/**
 * Starts FrameFlow, StockFlow, Slack and PagerDuty stand-ins on loopback, all over TLS.
 *
 * @throws {RangeError} where `firstKeys` or `oauth.clients` is empty or a registered network is no CIDR block; the listener's error
 * where a port is taken, and then what was started is closed again
 * @example
 * await using stack = new AsyncDisposableStack();
 * const sandbox = stack.adopt(await startSandbox(), (running) => running.close());
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { now: clock = Date.now, host = '127.0.0.1', overlapMs = 72 * HOUR } = options;
  const now = () => Math.floor(clock());
  const account = new Account(overlapMs);
  const [first] = firstKeys(options, now()).map((key) => account.add(key));
  if (first === undefined) throw new RangeError('firstKeys holds no key; leave it out to get one');
  const settings = new Settings();
  settings.change(given(options));
  const [client] = settings.oauth.clients;
  if (client === undefined) throw new RangeError('oauth.clients holds no client; leave it out to get one');
  const parts = {
    now,
    account,
    grants: new UserGrants(settings),
    settings,
    log: new AuthLog(),
    faults: new FaultBook(),
    stockflow: new StockFlow(now, settings),
    slack: new Slack(now),
    pagerduty: new PagerDuty(now),
  };
  const closing = new AbortController();
  const ground: Ground = { host, now, tls: await makeTls(), faults: parts.faults, closing: closing.signal };
  const admin = makeAdmin(parts);
  const open = await openAll(ground, options.ports ?? {}, parts, admin);

  const stockflowKey = parts.stockflow.createKey(options.stockflowKey).value;

  return assemble(parts, { frameflow: first, client, stockflow: stockflowKey }, admin, ground, {
    ports: open.ports,
    close: async () => {
      closing.abort();
      parts.slack.inbox.close();
      parts.pagerduty.inbox.close();
      await open.close();
    },
  });
}

type Parts = Parameters<typeof makeAdmin>[0];
type PortName = keyof NonNullable<SandboxOptions['ports']>;
type Open = { readonly ports: Readonly<Record<PortName, number>>; close(): Promise<void> };

async function openAll(
  ground: Ground,
  ports: NonNullable<SandboxOptions['ports']>,
  parts: Parts,
  admin: Admin,
): Promise<Open> {
  const { stockflow, slack, pagerduty } = parts;
  const wanted = [
    ['frameflow', { service: 'frameflow', tls: true, maxBytes: 64 * KB, handle: frameflow(parts) }],
    ['plaintext', { service: null, tls: false, maxBytes: 64 * KB, handle: frameflowPlaintext(parts) }],
    ['stockflow', { service: 'stockflow', tls: true, maxBytes: 64 * KB, handle: stockflow.handle }],
    ['slack', { service: 'slack', tls: true, maxBytes: 1024 * KB, handle: slack.handle }],
    ['pagerduty', { service: 'pagerduty', tls: true, maxBytes: 512 * KB, handle: pagerduty.handle }],
    ['admin', { service: null, tls: false, maxBytes: 64 * 1024 * KB, handle: adminRoutes(admin) }],
  ] as const;
  const outcomes = await Promise.allSettled(
    wanted.map(([name, options]) => standIn(ground, { ...options, port: ports[name] ?? 0 })),
  );
  const listeners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  const port = (name: PortName) => listeners[wanted.findIndex(([other]) => other === name)]?.port ?? 0;
  return {
    ports: {
      frameflow: port('frameflow'),
      plaintext: port('plaintext'),
      stockflow: port('stockflow'),
      slack: port('slack'),
      pagerduty: port('pagerduty'),
      admin: port('admin'),
    },
    close,
  };
}

function assemble(
  parts: Parts,
  first: { readonly frameflow: Key; readonly client: RegisteredClient; readonly stockflow: string },
  admin: Admin,
  ground: Ground,
  open: Open,
): Sandbox {
  const { account, grants, log, stockflow, slack, pagerduty, now } = parts;
  const { host } = ground;
  const webhookUrl = `https://${host}:${open.ports.slack}${slack.path}`;
  return {
    ca: ground.tls.ca,
    frameflow: {
      url: `https://${host}:${open.ports.frameflow}`,
      plaintextUrl: `http://${host}:${open.ports.plaintext}`,
      firstKey: { id: first.frameflow.id, value: first.frameflow.value },
      tier: () => parts.settings.tier,
      keys: () => viewKeys(account, now()),
      log: () => log.all(now()),
      client: first.client,
      grants: () => grants.all(),
    },
    stockflow: {
      url: `https://${host}:${open.ports.stockflow}`,
      key: first.stockflow,
      tier: () => parts.settings.stockflowTier,
      keys: () => stockflow.keys(),
      requests: () => stockflow.requests(),
    },
    slack: {
      webhookUrl,
      messages: () => slack.inbox.all(),
      waitFor: (wanted, options) => slack.inbox.waitFor(wanted, options),
    },
    pagerduty: {
      url: `https://${host}:${open.ports.pagerduty}`,
      routingKey: pagerduty.routingKey,
      events: () => pagerduty.inbox.all(),
      incidents: () => pagerduty.incidents(),
      waitFor: (wanted, options) => pagerduty.inbox.waitFor(wanted, options),
    },
    admin,
    adminUrl: `http://${host}:${open.ports.admin}`,
    environment: {
      FRAMEFLOW_API_KEY: first.frameflow.value,
      STOCKFLOW_API_KEY: first.stockflow,
      CLIENT_SECRET: first.client.secret,
      SLACK_WEBHOOK_URL: webhookUrl,
      PAGERDUTY_ROUTING_KEY: pagerduty.routingKey,
      KEYWARDEN_MASTER_KEY: randomBytes(32).toString('base64'),
      KEYWARDEN_ADMIN_TOKEN: token(40),
    },
    close: open.close,
  };
}

function firstKeys(options: SandboxOptions, now: number) {
  return (options.firstKeys ?? [{}]).map((key) => ({
    id: key.id ?? `key_${token(8)}`,
    value: key.value ?? `ff_live_${token(32)}`,
    name: key.name ?? null,
    createdAt: key.createdAt ?? now,
  }));
}

function given(options: SandboxOptions): SettingsChange {
  const { propagationMs, nodes, idempotency, tier, stockflowTier, registeredNetworks, oauth } = options;
  return {
    propagationMs,
    nodes,
    idempotency,
    tier,
    stockflowTier,
    oauth: { clients: [footageApp()], ...oauth },
    registeredNetworks: registeredNetworks === undefined ? undefined : [...registeredNetworks],
  };
}

/** Registered with the callback of a Keywarden that listens where {@link printConfig} has it listen. */
function footageApp(): RegisteredClient {
  return {
    clientId: `ffc_${token(12)}`,
    secret: token(40),
    redirectUris: ['http://127.0.0.1:7300/oauth/callback'],
  };
}
