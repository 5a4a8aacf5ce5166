import { inspect } from 'node:util';
import { afterEach, expect } from 'vitest';
import { EdgeError, type Net } from '../../model/index.ts';
import type { Authority } from '../../sandbox/tls.ts';
import { makeCa } from './authority.ts';
import { testNet } from './net.ts';

/** Where a test puts it, no error may show it. */
export const SECRET = 'ff_live_PlantedSecretPlantedSecret';

/** The CA of the tests of this room. */
export const ca = await makeCa();

const open: Net[] = [];

/** A connection that is closed after the test. */
export function net(options: Parameters<typeof testNet>[1] = {}, trusted: Authority | null = ca): Net {
  const made = testNet(trusted, options);
  open.push(made);
  return made;
}

/** To be called once by every test file that uses {@link net}. */
export function closeNets(): void {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
}

/** The error of a call that must fail, after a hunt for {@link SECRET} in all that it shows. */
export async function failure(call: Promise<unknown>): Promise<EdgeError> {
  const error = await call.then(
    () => new Error('the call did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EdgeError)) throw error;
  const shown = `${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error.failure)}${error.stack}`;
  expect(shown).not.toContain('PlantedSecret');
  expect(error.cause).toBe(undefined);
  return error;
}

/** Code and verdict of a call that must fail: `timeout unknown`. */
export async function failed(call: Promise<unknown>): Promise<string> {
  const { code, verdict } = (await failure(call)).failure;
  return `${code} ${verdict}`;
}
