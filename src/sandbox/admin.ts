import type { Account, Key, KeyState } from './account.ts';
import type { AuthLog } from './auth-log.ts';
import type { FaultBook, FaultRule } from './faults.ts';
import { type ForeignMint, mintAbroad } from './foreign-mint.ts';
import type { UserGrant, UserGrants } from './oauth-grants.ts';
import type { PagerDuty } from './pagerduty.ts';
import type { Incident } from './pagerduty-incidents.ts';
import { type PlayedEvent, play } from './play.ts';
import type { Settings, SettingsChange } from './settings.ts';
import type { Slack } from './slack.ts';
import type { NewStockFlowKey, StockFlow, StockFlowKey } from './stockflow.ts';

/** One FrameFlow key and what the clock makes of it. Times in ms. */
export type KeyView = Key & { readonly state: KeyState; readonly expiresAt: number | null };

/** What GET /state answers. Without the keys' values. */
export type SandboxState = {
  readonly now: number;
  readonly frameflow: {
    readonly keys: ReadonlyArray<Omit<KeyView, 'value'>>;
    readonly events: number;
    readonly grants: readonly UserGrant[];
  };
  readonly stockflow: {
    readonly keys: ReadonlyArray<Omit<StockFlowKey, 'value'> & { readonly valid: boolean }>;
    /** Of the last 10,000. */
    readonly requests: number;
  };
  readonly slack: { readonly messages: number };
  readonly pagerduty: { readonly events: number; readonly incidents: readonly Incident[] };
  readonly faults: ReturnType<FaultBook['waiting']>;
};

/** The sandbox's levers: what the admin routes do, as methods. */
export type Admin = {
  /** Sets a fault and gives its id. Faults are tried in the order in which they were set. */
  setFault(rule: FaultRule): string;
  clearFaults(): void;
  playEvents(events: readonly PlayedEvent[]): void;
  /** The last `count` events come into the log once more. Gives how many there were. */
  repeatEvents(count: number): number;
  /**
   * Somebody else rotates our key: a further key is minted and the log tells of it. Null where there is no such key.
   * @throws {RangeError} where the key is no longer valid
   */
  foreignMint(id: string, from?: ForeignMint): KeyView | null;
  /** Ends a FrameFlow key at once, as a person does in the console. False where there is no such key. */
  revokeKey(id: string): boolean;
  /** A user takes a grant back at FrameFlow. False where there is no such grant. */
  revokeGrant(id: string): boolean;
  /** A grant's access tokens end before their time; it can still be refreshed. False where there is no such grant. */
  endAccessTokens(id: string): boolean;
  createStockflowKey(options?: NewStockFlowKey): StockFlowKey;
  revokeStockflowKey(id: string): boolean;
  changeSettings(change: SettingsChange): void;
  state(): SandboxState;
};

export type AdminParts = {
  readonly now: () => number;
  readonly account: Account;
  readonly grants: UserGrants;
  readonly log: AuthLog;
  readonly settings: Settings;
  readonly faults: FaultBook;
  readonly stockflow: StockFlow;
  readonly slack: Slack;
  readonly pagerduty: PagerDuty;
};

export function admin(parts: AdminParts): Admin {
  const { account, grants, log, settings, faults, stockflow, slack, pagerduty, now } = parts;
  return {
    setFault: (rule) => faults.set(rule),
    clearFaults: () => faults.clear(),
    playEvents: (events) => play(log, events, now()),
    repeatEvents: (count) => log.repeatLast(count),
    foreignMint: (id, from) => {
      const minted = mintAbroad(account, log, id, from, now());
      return minted === null ? null : viewKey(account, minted, now());
    },
    revokeKey: (id) => account.revoke(id, now()),
    revokeGrant: (id) => grants.revoke(id, now()),
    endAccessTokens: (id) => grants.endAccess(id),
    createStockflowKey: (options) => stockflow.createKey(options),
    revokeStockflowKey: (id) => stockflow.revokeKey(id),
    changeSettings: (change) => settings.change(change),
    state: () => ({
      now: now(),
      frameflow: {
        keys: viewKeys(account, now()).map(({ value: _, ...shown }) => shown),
        events: log.all(now()).length,
        grants: grants.all(),
      },
      stockflow: {
        keys: stockflow.keys().map((key) => {
          const { value: _, ...shown } = key;
          return { ...shown, valid: stockflow.valid(key) };
        }),
        requests: stockflow.requests().length,
      },
      slack: { messages: slack.inbox.all().length },
      pagerduty: { events: pagerduty.inbox.all().length, incidents: pagerduty.incidents() },
      faults: faults.waiting(),
    }),
  };
}

export function viewKeys(account: Account, now: number): KeyView[] {
  return account.all().map((key) => viewKey(account, key, now));
}

function viewKey(account: Account, key: Key, now: number): KeyView {
  return { ...key, state: account.state(key, now), expiresAt: account.expiresAt(key) };
}
