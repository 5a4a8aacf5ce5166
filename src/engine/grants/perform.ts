import { EdgeError, type Failure, failureOf, type HeldGrant } from '../../model/index.ts';
import {
  type GrantAction,
  type GrantOutcome,
  type GrantSituation,
  NO_REVOCATION,
} from '../../rotation/grants/index.ts';
import type { Client, Permit } from './clients.ts';

const NO_ENDPOINT: Failure = {
  code: NO_REVOCATION,
  verdict: 'permanent',
  message: 'the provider has no endpoint for revocation; it ends the grant when the refresh token ends',
};

/** The one `switch` that performs a grant's action. It decides nothing: what happened goes back as it was. */
export async function performGrant(
  client: Client,
  permit: Permit,
  { held }: GrantSituation,
  action: GrantAction,
): Promise<GrantOutcome> {
  switch (action.do) {
    case 'refresh':
      permit.spend();
      return refresh(client, held, action.attempt.scope);
    case 'take':
      return take(client, held);
    case 'revoke':
      return revoke(client, permit, held);
    case 'give-up':
      return { of: 'step' };
    case 'wait':
      throw new TypeError('waiting is not performed');
  }
}

async function refresh({ edge }: Client, held: HeldGrant, scope: string | null): Promise<GrantOutcome> {
  try {
    const scopes = scope === null ? null : scope.split(' ');
    return { of: 'refresh', answer: await edge.refresh(held.refresh, { scopes }) };
  } catch (error) {
    return { of: 'refresh', failure: failureOf(error) };
  }
}

async function take({ edge }: Client, { answer }: HeldGrant): Promise<GrantOutcome> {
  try {
    if (answer === null)
      throw new EdgeError({ code: 'no_answer', verdict: 'unknown', message: 'the state holds no answer' });
    return { of: 'take', tokens: await edge.parse(answer) };
  } catch (error) {
    return { of: 'take', failure: failureOf(error) };
  }
}

/** A server without a revocation endpoint forgets the grant when its refresh token ends. */
async function revoke({ edge }: Client, permit: Permit, { refresh }: HeldGrant): Promise<GrantOutcome> {
  if (edge.revoke === null) return { of: 'revoke', failure: NO_ENDPOINT };
  permit.spend();
  try {
    await edge.revoke(refresh);
    return { of: 'revoke', failure: null };
  } catch (error) {
    return { of: 'revoke', failure: failureOf(error) };
  }
}
