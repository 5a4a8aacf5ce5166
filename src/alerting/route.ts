import type { Alert, AlertKind, Delivery, Severity } from '../model/index.ts';
import { knowAsBefore } from './delivery.ts';

/** Which alerts go to which channels. An empty list matches everything. */
export type Route = {
  readonly severity: readonly Severity[];
  readonly kind: readonly AlertKind[];
  readonly credential: readonly string[];
  readonly channels: readonly string[];
  /** The routes after this one are tried too. */
  readonly continue: boolean;
  /** Who else is told of what is still triggered, and not acknowledged, so long after it began, ms; null: nobody. */
  readonly escalate: Escalation | null;
};

export type Escalation = { readonly after: number; readonly channels: readonly string[] };

/** The kind of every configured channel by its name: `{ team: 'slack', oncall: 'pagerduty' }`. */
export type ChannelKinds = Readonly<Record<string, string>>;

type Routed = Pick<Alert, 'kind' | 'severity' | 'credential' | 'channel'>;

/**
 * The channels that are told of an alert: those of the first route that matches, and of the next as long as routes
 * say `continue`. A channel that failed is told on the others, on all of them where its route names no other; a test
 * goes to the channel it tests.
 */
export function channelsFor(alert: Routed, routes: readonly Route[], kinds: ChannelKinds): readonly string[] {
  if (alert.kind === 'test' && alert.channel !== undefined) return known([alert.channel], kinds);
  const routed = known(matching(alert, routes), kinds);
  if (alert.kind !== 'channel-failed') return routed;
  const others = (names: readonly string[]) => names.filter((name) => name !== alert.channel);
  return others(routed).length > 0 ? others(routed) : others(Object.keys(kinds));
}

/**
 * Who is told of an alert that begins or got worse: {@link channelsFor}, and at once those to whom it was escalated as the lesser
 * that it was, where it would be escalated to them again.
 *
 * @param own the deliveries of this alert
 */
export function audienceOf(
  alert: Routed & Pick<Alert, 'triggeredAt'>,
  own: readonly Delivery[],
  { routes, channels: kinds }: { readonly routes: readonly Route[]; readonly channels: ChannelKinds },
): readonly string[] {
  const before = knowAsBefore(alert, own);
  const escalated = escalationsFor(alert, routes, kinds).flatMap(({ channels }) => channels);
  const again = escalated.filter((name) => before.has(name));
  return [...new Set([...channelsFor(alert, routes, kinds), ...again])];
}

/** The escalations of the routes that the alert takes. */
export function escalationsFor(
  alert: Routed,
  routes: readonly Route[],
  kinds: ChannelKinds,
): readonly Escalation[] {
  return taken(alert, routes).flatMap(({ escalate }) => {
    const channels = known(escalate?.channels ?? [], kinds);
    return escalate === null || channels.length === 0 ? [] : [{ after: escalate.after, channels }];
  });
}

function matching(alert: Routed, routes: readonly Route[]): readonly string[] {
  return [...new Set(taken(alert, routes).flatMap(({ channels }) => channels))];
}

/** The first route that matches, and the next as long as routes say `continue`. */
function taken(alert: Routed, routes: readonly Route[]): readonly Route[] {
  const found: Route[] = [];
  for (const route of routes) {
    if (!matches(alert, route)) continue;
    found.push(route);
    if (!route.continue) break;
  }
  return found;
}

function matches(alert: Routed, route: Route): boolean {
  return (
    allows(route.severity, alert.severity) &&
    allows(route.kind, alert.kind) &&
    allows(route.credential, alert.credential)
  );
}

function allows<T>(list: readonly T[], value: T | undefined): boolean {
  return list.length === 0 || (value !== undefined && list.includes(value));
}

function known(names: readonly string[], kinds: ChannelKinds): readonly string[] {
  return names.filter((name) => Object.hasOwn(kinds, name));
}
