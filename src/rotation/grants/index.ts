export { needsNarrow, needsRefresh } from './access.ts';
export { foldIntrospected, rejectToken } from './asked.ts';
export { foldConsent, takeOver } from './consent.ts';
export { hotAt } from './due.ts';
export { foldExchange } from './exchange.ts';
export { afterwards, foldGrant, intendGrant } from './fold.ts';
export { forgetGrant } from './forget.ts';
export { isLapsing, lapseAlerts, lapsesAt } from './lapse.ts';
export { blankClient, isPaused } from './pauses.ts';
export { planGrant } from './plan.ts';
export { scopeAlerts, tellingGrants } from './scopes.ts';
export type {
  GrantAction,
  GrantFolded,
  GrantOutcome,
  GrantPolicy,
  GrantSituation,
} from './situation.ts';
export { NO_REVOCATION } from './situation.ts';
