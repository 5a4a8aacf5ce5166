import { type Authorization, KeywardenError } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import type { Answer, Request } from '../router.ts';
import { leadsHere } from './here.ts';
import { type Page, pageAnswer, redirectAnswer } from './pages.ts';
import type { Pending } from './pending.ts';

/**
 * What went wrong, for the person at the browser, who can do little about it and may have been sent here by anybody. Nothing
 * else of a failure is shown: its message is the operator's, and may hold what the provider, or somebody in its place, wrote.
 */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['access_denied', 'The access was refused: either by you, or by the provider.'],
  ['server_error', 'The provider had a fault of its own. Please try again later.'],
  ['temporarily_unavailable', 'The provider is overloaded or under maintenance. Please try again later.'],
  ['unavailable', 'The provider is overloaded or under maintenance. Please try again later.'],
  ['rate_limited', 'The provider is overloaded. Please try again later.'],
  ['login_required', 'You are not logged in at the provider.'],
  ['interaction_required', 'The provider had to ask you something and could not.'],
  ['account_selection_required', 'The provider does not know which of your accounts is meant.'],
  ['consent_required', 'The provider has no consent of yours.'],
  [
    'invalid_grant',
    'The provider did not accept the code that it had sent with you: it was used, or is too old.',
  ],
  ['invalid_scope', 'The provider does not grant what was asked for. Whoever runs this has to correct that.'],
  [
    'issuer_mismatch',
    'You were sent here by another server than the one that was asked. Nothing was sent to it.',
  ],
  ['bad_callback', 'The address that brought you here is not complete.'],
  ['expired', 'More than ten minutes have passed.'],
  ['answer_lost', 'The answer of the provider was lost.'],
  ['no_refresh_token', 'The provider gave less than is needed. Whoever runs this has to correct that.'],
  ['wrong_session', 'It was begun in another session than the one in which it came back.'],
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

const ELSEWHERE: Page = {
  status: 400,
  title: 'This link cannot be used here',
  text: ['The application takes its users back at an address of its own, and this is not it.', ASK_AGAIN],
};

/** Parameters that must not come twice (RFC 6749, 3.1): which of the two another program reads is anybody's guess. */
const SINGLE = ['state', 'code', 'error', 'iss'];

/** The browser's return from the provider: ends with a page, or at the application's own. */
export async function callback(api: ApiContext, pending: Pending, request: Request): Promise<Answer> {
  const { query } = request;
  if (!api.engine.ready) return pageAnswer(STARTING, { 'retry-after': '3' });
  if (!query.get('state') || SINGLE.some((name) => query.getAll(name).length > 1)) return pageAnswer(USED);
  try {
    const authorization = await api.grants.callback(query, (client) => comesBackHere(api, client));
    pending.end(authorization.client, authorization.id);
    return ending(authorization);
  } catch (error) {
    if (error instanceof KeywardenError && error.code === 'unknown_state') return pageAnswer(USED);
    const { log } = api.engine.context;
    if (error instanceof KeywardenError && error.code === 'callback_elsewhere') {
      log.warn(
        { error },
        'a consent came back to Keywarden although its client names another redirectUri; is api.publicUrl right?',
      );
      return pageAnswer(ELSEWHERE);
    }
    log.error({ error }, 'a consent could not be finished');
    return pageAnswer(FAULT);
  }
}

/** A client whose callback an application hosts is not finished here: the application knows whose session it is. */
function comesBackHere({ engine }: ApiContext, name: string): boolean {
  const { oauthClients, api } = engine.context.config;
  const client = oauthClients[name];
  return client !== undefined && leadsHere(client.settings.redirectUri, api);
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
function ending({ id, client, subject, state, returnUrl, error }: Authorization): Answer {
  if (state === 'completed')
    return returnUrl === null ? pageAnswer(connected(client, subject)) : redirectAnswer(returnUrl);
  if (returnUrl !== null)
    return redirectAnswer(withError(returnUrl, error?.code ?? 'temporarily_unavailable'));
  if (state !== 'failed' || error === null) return pageAnswer(UNFINISHED);
  const why = REASONS.get(error.code) ?? unexplained(id);
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

function unexplained(id: string): string {
  return `The provider did not accept it. Whoever runs this finds the reason under consent ${id}.`;
}

function withError(address: string, code: string): string {
  const url = new URL(address);
  url.searchParams.set('error', code);
  return url.href;
}
