import type { Grant, Signal } from '../../model/index.ts';
import { DAY, formatTime, scopeKey } from '../../model/index.ts';
import { raise, resolve } from '../signals.ts';
import type { GrantPolicy } from './situation.ts';

/** A scope that the log shows unused for so long is more than the application needs. */
const UNUSED = 60 * DAY;

/** What was granted beside what is asked for. */
export type ScopeDifference = { readonly excess: readonly string[]; readonly missing: readonly string[] };

export function compareScopes(granted: readonly string[], asked: readonly string[]): ScopeDifference {
  return {
    excess: [...new Set(granted)].filter((scope) => !asked.includes(scope)).sort(),
    missing: [...new Set(asked)].filter((scope) => !granted.includes(scope)).sort(),
  };
}

/** What one grant's new scopes tell; nothing where they are as they were or as asked. The client's own turn ends it. */
export function scopesTold(
  { client, subject }: Pick<Grant, 'client' | 'subject'>,
  granted: readonly string[],
  policy: GrantPolicy,
  { before, now }: { readonly before: readonly string[] | null; readonly now: number },
): Signal[] {
  if (before !== null && scopeKey(before) === scopeKey(granted)) return [];
  const { excess, missing } = compareScopes(granted, policy.scopes);
  return [
    ...(excess.length > 0 ? [excessGranted(client, excess, subject, now)] : []),
    ...(missing.length > 0 ? [scopesMissing(client, missing, subject, now)] : []),
  ];
}

/** So many grants are kept to show what was seen: an alert names no more. */
const MOST_TELLING = 100;

type Scoped = Pick<Grant, 'subject' | 'scopes'>;

/**
 * Of the grants that were gone through, the first that shows each scope that is too many or missing: all that
 * {@link scopeAlerts} needs of them, for whoever goes through them page by page.
 *
 * @example telling = tellingGrants(policy, [...telling, ...page])
 */
export function tellingGrants({ scopes: asked }: GrantPolicy, grants: Iterable<Scoped>): Scoped[] {
  const shown = new Set<string>();
  const telling: Scoped[] = [];
  for (const { subject, scopes } of grants) {
    if (telling.length === MOST_TELLING) break;
    const { excess, missing } = compareScopes(scopes, asked);
    const marks = [...excess.map((scope) => `+${scope}`), ...missing.map((scope) => `-${scope}`)];
    if (marks.some((mark) => !shown.has(mark))) telling.push({ subject, scopes });
    for (const mark of marks) shown.add(mark);
  }
  return telling;
}

/** What was seen of a client's grants, for its own turn. */
export type ScopeSighting = {
  /** Active grants that were gone through, or those of them that tell ({@link tellingGrants}). */
  readonly grants: Iterable<Scoped>;
  /** False: there are more in this round, so that nothing is said to be over. */
  readonly all: boolean;
  /** From when on the log shows which scopes are used, and when each was last seen in use; null: it does not show it. */
  readonly usage: { readonly from: number; readonly lastUsed: ReadonlyMap<string, number> } | null;
};

/** Rights that nobody needs, and rights that are missing: what is there is told, what is not has ended. */
export function scopeAlerts(
  policy: GrantPolicy,
  { grants, all, usage }: ScopeSighting,
  now: number,
): Signal[] {
  const { client } = policy;
  const found = { excess: new Map<string, string>(), missing: new Map<string, string>() };
  for (const { subject, scopes } of grants) {
    const { excess, missing } = compareScopes(scopes, policy.scopes);
    for (const scope of excess) if (!found.excess.has(scope)) found.excess.set(scope, subject);
    for (const scope of missing) if (!found.missing.has(scope)) found.missing.set(scope, subject);
  }
  const over = (signal: Signal) => (all ? [signal] : []);
  const [excess, missing] = [[...found.excess.keys()].sort(), [...found.missing.keys()].sort()];
  const [one, other] = [found.excess.get(excess[0] ?? ''), found.missing.get(missing[0] ?? '')];
  return [
    ...(one === undefined
      ? over(resolve('scope-excess', client, now, 'granted'))
      : [excessGranted(client, excess, one, now)]),
    ...(other === undefined
      ? over(resolve('refresh-failed', client, now, 'scope'))
      : [scopesMissing(client, missing, other, now)]),
    ...(usage === null ? [] : [unusedScopes(policy, usage, now)]),
  ];
}

function unusedScopes(
  { client, scopes }: GrantPolicy,
  { from, lastUsed }: NonNullable<ScopeSighting['usage']>,
  now: number,
): Signal {
  const unused = scopes.filter((scope) => Math.max(lastUsed.get(scope) ?? from, from) <= now - UNUSED);
  if (unused.length === 0) return resolve('scope-excess', client, now, 'unused');
  return raise('scope-excess', client, now, {
    severity: 'warning',
    condition: 'unused',
    title: `${client} has not used ${unused.join(', ')} for 60 days`,
    summary: `Every user grants these rights, and by the provider's log nobody has needed them since ${formatTime(now - UNUSED)}. Whoever steals a token has them too. Nothing is changed.`,
    action: `Where the application does not need them, take them out of ${client}'s scopes in the configuration; users are asked for fewer at their next consent: \`keywarden login ${client}\``,
    evidence: { unused },
  });
}

function excessGranted(client: string, excess: readonly string[], subject: string, now: number): Signal {
  return raise('scope-excess', client, now, {
    severity: 'warning',
    condition: 'granted',
    title: `${client} was granted more than it asked for: ${excess.join(', ')}`,
    summary: `First seen with ${subject}. Whoever steals a token has these rights too. The grant works and is kept.`,
    action: `Have the provider grant no more than is asked for (${client}'s registration there), then have the users consent anew. Where the application needs it, add it to ${client}'s scopes in the configuration`,
    evidence: { excess, subject },
  });
}

function scopesMissing(client: string, missing: readonly string[], subject: string, now: number): Signal {
  return raise('refresh-failed', client, now, {
    severity: 'warning',
    condition: 'scope',
    title: `${client} was not granted ${missing.join(', ')}: calls that need it fail`,
    summary: `First seen with ${subject}. The provider, or the user at the consent, granted less than was asked for. The grant works for the rest and is kept.`,
    action: `Ask the user to consent to all of it, or the provider to allow it to ${client}: \`keywarden grants ${client} list\` shows what each grant has`,
    evidence: { missing, subject },
  });
}
