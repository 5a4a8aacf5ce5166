import { type Answer, ask } from './api.ts';
import { CREDENTIAL } from './settings.ts';
import type { World } from './world.ts';

/** What an operator asks of the API, and what can happen at once because of it; whatever it answers. */
export async function attempt(world: World, path: string, body: object = {}): Promise<Answer> {
  const answer = await ask(world, path, { token: world.env.ADMIN_TOKEN, method: 'POST', body });
  await world.settle();
  return answer;
}

/** The same for a credential, where it must be taken. @throws {Error} with the answer where it is not */
export async function order(
  world: World,
  what: string,
  body: object = {},
  credential = CREDENTIAL,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, text, json } = await attempt(world, `/v1/credentials/${credential}/${what}`, body);
  if (status !== 202) throw new Error(`${what} was answered ${status}: ${text}`);
  return json;
}

/** What the API shows. @throws {Error} with the answer where that is not 200 */
export async function look(world: World, path: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, text, json } = await ask(world, path, { token: world.env.ADMIN_TOKEN });
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${text}`);
  return json;
}
