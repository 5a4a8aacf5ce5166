import { ALERT_KINDS } from '../../model/index.ts';
import { type Fault, faultAt } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { namesAt, placeOf } from '../tree.ts';

/** Kinds that are never critical: `contracts/surface.md`, "Alert kinds". */
const NEVER_CRITICAL: readonly string[] = ['rotation-completed', 'new-client', 'test'];

/** Routes that leave a critical alert without a channel. */
export function routeFaults({ tree, parsed }: Draft): readonly Fault[] {
  const routes = parsed.alerts?.routes ?? [];
  if (routes.length === 0) return [];
  const open = ALERT_KINDS.filter(
    (kind) =>
      !NEVER_CRITICAL.includes(kind) &&
      !routes.some(
        ({ match }) =>
          (match?.severity === undefined || match.severity.includes('critical')) &&
          (match?.kind === undefined || match.kind.includes(kind)) &&
          match?.credential === undefined,
      ),
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

export function alertWarnings({ tree, parsed }: Draft): readonly Fault[] {
  const warnings: Fault[] = [];
  if (namesAt(tree, ['alerts', 'channels']).length === 0) {
    const problem = 'no channel is configured: alerts are kept, but nobody is told of them';
    warnings.push(faultAt(placeOf(tree, ['alerts']), ['alerts', 'channels'], { problem }));
  }
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
