import { ALERT_KINDS, type AlertKind, type Severity } from '../../model/index.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { namesAt, placeOf } from '../tree.ts';

/** Kinds that are never critical: `contracts/surface.md`, "Alert kinds". */
const NEVER_CRITICAL: readonly string[] = ['rotation-completed', 'new-client', 'incident-unanswered', 'test'];

/** Kinds that are for information only. */
const INFO: readonly string[] = ['rotation-completed', 'new-client'];

/** Whether some route takes every alert of this kind and severity, whatever it is about. */
function isTaken({ parsed }: Pick<Draft, 'parsed'>, severity: Severity, kind: AlertKind): boolean {
  return (parsed.alerts?.routes ?? []).some(
    ({ match }) =>
      (match?.severity === undefined || match.severity.includes(severity)) &&
      (match?.kind === undefined || match.kind.includes(kind)) &&
      match?.credential === undefined,
  );
}

/** Routes that leave a critical alert without a channel. */
export function routeFaults({ tree, parsed }: Draft): readonly Fault[] {
  const routes = parsed.alerts?.routes ?? [];
  if (routes.length === 0) return [];
  const open = ALERT_KINDS.filter(
    (kind) => !NEVER_CRITICAL.includes(kind) && !isTaken({ parsed }, 'critical', kind),
  );
  if (open.length === 0) return [];
  const kinds = open.length > 3 ? `of ${open.length} kinds` : `of the kind ${open.join(', ')}`;
  return [
    faultAt(placeOf(tree, ['alerts', 'routes']), ['alerts', 'routes'], {
      problem: `a critical alert ${kinds} reaches no channel`,
      hint: 'end the list with a route without match: - { channels: […] }',
    }),
  ];
}

/** Routes that leave other alerts without one: that may be meant, and more often a route at the end is missing. */
function untaken(tree: Draft['tree'], parsed: Draft['parsed']): readonly Fault[] {
  if ((parsed.alerts?.routes ?? []).length === 0) return [];
  const kinds = ALERT_KINDS.filter(
    (kind) => kind !== 'test' && !isTaken({ parsed }, INFO.includes(kind) ? 'info' : 'warning', kind),
  );
  if (kinds.length === 0) return [];
  const some = kinds.length > 3 ? `of ${kinds.length} kinds` : `of the kind ${kinds.join(', ')}`;
  const problem = `no route takes every alert: some ${some} reach no channel`;
  const hint = 'end the list with a route without match: - { channels: […] }';
  return [faultAt(placeOf(tree, ['alerts', 'routes']), ['alerts', 'routes'], { problem, hint })];
}

/** Who dies silently is missed by nobody. */
function lonelyChannel(tree: Draft['tree'], parsed: Draft['parsed']): readonly Fault[] {
  const { routes = [], heartbeat } = parsed.alerts ?? {};
  const told = routes.filter(({ match }) => match?.severity?.includes('critical') ?? true);
  const names =
    routes.length === 0
      ? namesAt(tree, ['alerts', 'channels'])
      : [...new Set(told.flatMap(({ channels, escalate }) => [...channels, ...(escalate?.channels ?? [])]))];
  if (names.length !== 1 || heartbeat !== undefined) return [];
  const problem = `critical alerts reach ${names[0]} alone, and nobody outside notices when it or Keywarden is silent`;
  const hint = 'add a second channel, or alerts.heartbeat';
  return [faultAt(placeOf(tree, ['alerts', 'channels']), ['alerts', 'channels'], { problem, hint })];
}

/** Channels that no route names. */
function untoldChannels(tree: Draft['tree'], parsed: Draft['parsed']): readonly Fault[] {
  const routes = parsed.alerts?.routes ?? [];
  const named = new Set(
    routes.flatMap(({ channels, escalate }) => [...channels, ...(escalate?.channels ?? [])]),
  );
  return namesAt(tree, ['alerts', 'channels'])
    .filter((name) => routes.length > 0 && !named.has(name))
    .map((name) => {
      const path = ['alerts', 'channels', name];
      const problem = 'no route names it: it is told nothing but a test';
      return faultAt(placeOf(tree, path), path, {
        problem,
        hint: 'name it in alerts.routes, or take it out',
      });
    });
}

export function alertWarnings({ tree, parsed }: Draft): readonly Fault[] {
  const warnings: Fault[] = [];
  if (namesAt(tree, ['alerts', 'channels']).length === 0) {
    const problem = 'no channel is configured: alerts are kept, but nobody is told of them';
    warnings.push(faultAt(placeOf(tree, ['alerts']), ['alerts', 'channels'], { problem }));
  }
  warnings.push(...untaken(tree, parsed), ...lonelyChannel(tree, parsed), ...untoldChannels(tree, parsed));
  const routes = parsed.alerts?.routes ?? [];
  const last = routes.findIndex((route) => route.match === undefined && !route.continue);
  for (let index = last + 1; last >= 0 && index < routes.length; index += 1) {
    const path = ['alerts', 'routes', index];
    const problem = `is never reached: alerts.routes[${last}] takes every alert`;
    warnings.push(
      faultAt(placeOf(tree, path), path, { problem, hint: 'move it up, or add continue: true there' }),
    );
  }
  return warnings;
}
