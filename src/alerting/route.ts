import type { Alert, AlertKind, Severity } from '../model/index.ts';

/** Which alerts go to which channels. An empty list matches everything. */
export type Route = {
  readonly severity: readonly Severity[];
  readonly kind: readonly AlertKind[];
  readonly credential: readonly string[];
  readonly channels: readonly string[];
  /** The routes after this one are tried too. */
  readonly continue: boolean;
};

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

function matching(alert: Routed, routes: readonly Route[]): readonly string[] {
  const names = new Set<string>();
  for (const route of routes) {
    if (!matches(alert, route)) continue;
    for (const name of route.channels) names.add(name);
    if (!route.continue) break;
  }
  return [...names];
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
