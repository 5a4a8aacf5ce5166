import { type AlertKind, formatTime, HOUR, MINUTE } from '../../../src/model/index.ts';
import { clientPaused, consentRequired } from '../../../src/rotation/grants/alerts.ts';
import { scopeAlerts } from '../../../src/rotation/grants/scopes.ts';
import { POLICY, START } from '../../../src/rotation/grants/testing/desk.ts';
import { type Raiser, raised } from './lifecycle.ts';

/*
 * Alerts of OAuth clients and their grants, as the rules of the grants make them.
 */

const NOW = START + HOUR;

const PAUSE = { why: 'client-refused', until: NOW + 30 * MINUTE, count: 1, since: NOW } as const;

export const GRANTS = {
  'refresh-failed': () => {
    const message = 'FrameFlow answered invalid_client: client id or secret is wrong';
    const failure = { code: 'invalid_client', verdict: 'permanent', message } as const;
    const pause = PAUSE as unknown as Parameters<typeof clientPaused>[1];
    return raised('refresh-failed', [clientPaused(POLICY.client, pause, failure, NOW)]);
  },
  'consent-required': () => {
    const about = { client: POLICY.client, subject: 'user-4711' };
    const reason = `invalid_grant: the provider ended it, said at ${formatTime(NOW)}`;
    return raised('consent-required', [consentRequired(about, reason, NOW)]);
  },
  'scope-excess': () => {
    const grants = [{ subject: 'user-4711', scopes: [...POLICY.scopes, 'account:admin'] }];
    return raised('scope-excess', scopeAlerts(POLICY, { grants, all: true, usage: null }, NOW));
  },
} satisfies Partial<Record<AlertKind, Raiser>>;
