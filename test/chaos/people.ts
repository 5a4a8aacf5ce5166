import { join } from 'node:path';
import type { Stream } from '../simulation/streams.ts';
import { ask } from '../support/api.ts';
import { Application } from '../support/application.ts';
import { filePlace } from '../support/places.ts';
import { CREDENTIAL, SECOND } from '../support/settings.ts';
import type { World } from '../support/world.ts';
import { milliseconds } from './activity.ts';
import type { Trace } from './trace.ts';

export const CREDENTIALS = [CREDENTIAL, SECOND];

/** The applications that use the keys, one for each credential, all the time; each thing that went wrong for them, once. */
export async function useTheKeys(
  world: World,
  signal: AbortSignal,
  trace: Trace,
): Promise<{ readonly calls: number; readonly faults: readonly string[] }> {
  const provider = { url: world.sandbox.frameflow.url, ca: world.sandbox.ca };
  const second = new Application([filePlace(join(world.folder, 'batch.env'))], provider);
  const users = [
    [CREDENTIAL, world.application],
    [SECOND, second],
  ] as const;
  const faults = new Set<string>();
  while (!signal.aborted) {
    for (const [credential, application] of users) {
      const wrong = await application.work().catch((error: unknown) => [`a call failed: ${error}`]);
      for (const text of wrong) {
        const what = `${credential}: ${text}`.replace(/,"request_id":"[^"]*"/, '');
        if (!faults.has(what)) trace.note(what);
        faults.add(what);
      }
    }
    await milliseconds(40);
  }
  return { calls: world.application.calls + second.calls, faults: [...faults] };
}

/**
 * An operator's script that replaces a key as soon as it may, and now and then does something else; while no daemon
 * listens it knocks again.
 */
export async function operate(
  world: World,
  credential: string,
  { stream, signal }: { readonly stream: Stream; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const keys = world.sandbox.frameflow.keys().length;
    const { what, body } = wish(stream);
    const status =
      what === 'retry' ? await retryOpen(world, credential) : await command(world, credential, what, body);
    // An emergency takes the place of one that has not been sent yet: this one gets the time to be.
    for (let waited = 0; status === 202 && waited < 400; waited += 5) {
      if (signal.aborted || world.sandbox.frameflow.keys().length > keys) break;
      await milliseconds(5);
    }
    await milliseconds(5);
  }
}

function wish(stream: Stream): { readonly what: string; readonly body: object } {
  const reason = 'killed over and over';
  const other = stream.next();
  if (other < 0.06) return { what: 'rollback', body: { reason } };
  if (other < 0.09) return { what: 'pause', body: { reason } };
  if (other < 0.12) return { what: 'resume', body: {} };
  if (other < 0.14) return { what: 'compromise', body: { reason } };
  if (other < 0.3) return { what: 'retry', body: {} };
  return { what: 'rotate', body: { emergency: true, reason } };
}

/** The answer's status; 0 where no daemon listens. */
export function command(world: World, credential: string, what: string, body: object): Promise<number> {
  return post(world, `/v1/credentials/${credential}/${what}`, body);
}

/** `keywarden rotation ID retry`: a mint whose answers fail is repeated ever more seldom, up to an hour. */
export async function retryOpen(world: World, credential: string): Promise<number> {
  const request = { token: world.env.ADMIN_TOKEN };
  const seen = await ask(world, `/v1/credentials/${credential}`, request).catch(() => null);
  const { rotation } = (seen?.json ?? {}) as { readonly rotation?: { readonly id: string } | null };
  return rotation == null ? 0 : post(world, `/v1/rotations/${rotation.id}/retry`, {});
}

async function post(world: World, path: string, body: object): Promise<number> {
  const request = { token: world.env.ADMIN_TOKEN, method: 'POST', body };
  return (await ask(world, path, request).catch(() => null))?.status ?? 0;
}
