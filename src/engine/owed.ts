import { identityOf } from '../alerting/identity.ts';
import { PRESSED_FOR, presses } from '../alerting/transient.ts';
import type { Alert, Signal } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import type { EngineContext } from './context.ts';

/** Every alert, page by page; `open`: those that are not resolved. */
export async function allAlerts(state: State, open: boolean): Promise<Alert[]> {
  const found: Alert[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<State['alerts']>> = await state.alerts({
      cursor,
      limit: 1_000,
      ...(open ? { state: 'open' } : {}),
    });
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

/** Events that are looked at again, though they are not open. */
export async function pressingEvents({ state, clock }: EngineContext): Promise<readonly Alert[]> {
  const now = clock.now();
  return (await state.criticalEvents(now - PRESSED_FOR)).filter((alert) => presses(alert, now));
}

/** True where these signals end an alert that is open: a channel that had failed delivers again. */
export async function endsAny({ state }: EngineContext, signals: readonly Signal[]): Promise<boolean> {
  const ends = signals.filter(({ type }) => type === 'resolve');
  const alerts = await state.alertsByIdentity(ends.map(identityOf));
  return alerts.some((alert) => alert.state !== 'resolved');
}
