import { EdgeError } from '../../model/index.ts';
import type { Deadline } from '../exchange.ts';
import { member, type Session } from './session.ts';
import { refusal } from './verdicts.ts';

/** A capability of Vault's policies. */
export type Right = 'create' | 'update' | 'patch';

/**
 * By `capabilities-self`, which the `default` policy allows; where that is denied, the write itself will tell.
 *
 * @throws {EdgeError} `denied` (permanent) where the login lacks one of `rights`, by path
 */
export async function checkRights(
  session: Session,
  rights: Readonly<Record<string, Right>>,
  deadline: Deadline,
): Promise<void> {
  const paths = Object.keys(rights);
  const answer = await session.send({ path: 'sys/capabilities-self', body: { paths } }, deadline);
  if (answer.status === 403) return;
  const data = answer.status === 200 ? member(answer, 'data') : null;
  for (const [path, right] of Object.entries(rights)) {
    const held = data?.[path];
    if (!Array.isArray(held)) {
      throw refusal(answer, { doing: `asking for the rights on ${path}`, writes: false });
    }
    if (held.includes('root') || held.includes(right)) continue;
    const needed = right === 'patch' ? 'patch' : 'create, read and update';
    throw new EdgeError({
      code: 'denied',
      verdict: 'permanent',
      message: `the login's policy does not allow ${right} on ${path}; grant ${needed} there`,
    });
  }
}
