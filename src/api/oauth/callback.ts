import { type Authorization, KeywardenError } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import type { Answer, Request } from '../router.ts';
import { type Page, pageAnswer, redirectAnswer } from './pages.ts';
import type { Pending } from './pending.ts';

/** What the codes of RFC 6749, 4.1.2.1, mean to the person at the browser. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['access_denied', 'The access was refused: either by you, or by the provider.'],
  ['server_error', 'The provider had a fault of its own. Please try again later.'],
  ['temporarily_unavailable', 'The provider is overloaded or under maintenance. Please try again later.'],
]);

const ASK_AGAIN = 'Go back to the application and start again from there.';

const USED: Page = {
  status: 400,
  title: 'This link cannot be used',
  text: ['It was used already, or it is older than ten minutes, or it was not made here.', ASK_AGAIN],
};

const STARTING: Page = {
  status: 503,
  title: 'One moment',
  text: ['Keywarden is starting. Load this page again in a few seconds.'],
};

const FAULT: Page = {
  status: 500,
  title: 'The connection was not made',
  text: ['Keywarden had a fault of its own; its log has the details.', ASK_AGAIN],
};

/** Parameters that must not come twice (RFC 6749, 3.1): which of the two another program reads is anybody's guess. */
const SINGLE = ['state', 'code', 'error', 'iss'];

/** The browser's return from the provider: ends with a page, or at the application's own. */
export async function callback(api: ApiContext, pending: Pending, request: Request): Promise<Answer> {
  const { query } = request;
  if (!api.engine.ready) return pageAnswer(STARTING, { 'retry-after': '3' });
  if (!query.get('state') || SINGLE.some((name) => query.getAll(name).length > 1)) return pageAnswer(USED);
  try {
    const authorization = await api.grants.callback(query);
    pending.end(authorization.client, authorization.id);
    return ending(authorization);
  } catch (error) {
    if (error instanceof KeywardenError && error.code === 'unknown_state') return pageAnswer(USED);
    api.engine.context.log.error({ error }, 'a consent could not be finished');
    return pageAnswer(FAULT);
  }
}

/** The code is with the provider still, or is sent to it again. */
const UNFINISHED: Page = {
  status: 202,
  title: 'Not finished yet',
  text: [
    'The provider has not answered yet, and Keywarden goes on asking.',
    'Look in the application in a minute whether it is connected.',
  ],
};

/**
 * The application's page gets no token and no code: after a success its address is the configured one to the letter, else
 * it says `error`.
 */
function ending({ client, subject, state, returnUrl, error }: Authorization): Answer {
  if (state === 'completed')
    return returnUrl === null ? pageAnswer(connected(client, subject)) : redirectAnswer(returnUrl);
  if (returnUrl !== null)
    return redirectAnswer(withError(returnUrl, error?.code ?? 'temporarily_unavailable'));
  if (state !== 'failed' || error === null) return pageAnswer(UNFINISHED);
  const why = REASONS.get(error.code) ?? error.message;
  return pageAnswer({ status: 400, title: 'The connection was not made', text: [why, ASK_AGAIN] });
}

function connected(client: string, subject: string): Page {
  return {
    status: 200,
    title: 'Connected',
    text: [
      `${client} now has access on behalf of the user ${subject}. You can close this window.`,
      'If that is not you, somebody sent you their link: remove the access in your account at the provider.',
    ],
  };
}

function withError(address: string, code: string): string {
  const url = new URL(address);
  url.searchParams.set('error', code);
  return url.href;
}
