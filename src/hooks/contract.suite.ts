import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFiles } from '../files/index.ts';
import { EdgeError, type Log, type Net, type PluginContext } from '../model/index.ts';
import type { Hook, HookEvent } from './contract.ts';

/** One hook and what it works upon, made anew for every test. */
export type HookWorld = {
  readonly hook: Hook;
  /** Secrets in the hook's reach (the daemon's environment, what the other side says), none of which may show. */
  readonly planted: readonly string[];
  /** From now on a run fails: the other side refuses, and says the planted secrets where it can say anything. */
  fail(): Promise<void>;
  /** Resolves when the other side has noticed `count` runs in all, the failing ones not counted. */
  noticed(count: number): Promise<void>;
  /** Everything the hook logged: see {@link testContext}. */
  logged(): string;
  /** Ends the other side; the suite itself closes the hook. */
  end(): Promise<void>;
};

export function eventOf(number = 4, fields: Partial<HookEvent> = {}): HookEvent {
  return {
    credential: 'frameflow-prod',
    destination: 'file:/run/app/.env#FRAMEFLOW_API_KEY',
    mark: {
      installation: 'footage/production',
      credential: 'frameflow-prod',
      number,
      versionId: `0199c1d2-${number}`,
      keyId: `key_${number}`,
      createdAt: Date.UTC(2026, 9, 1, 9),
    },
    ...fields,
  };
}

/** The time that {@link testContext} gives, ms since the epoch. */
export const NOW = Date.UTC(2026, 9, 1, 9);

/** All that a plug-in is given; `text` is what was logged, in every form in which a field could become text. */
export function testContext<Config>(
  config: Config,
  net?: Net,
): { readonly context: PluginContext<Config>; text(): string } {
  const lines: string[] = [];
  const write = (fields: object, message: string) => {
    lines.push(message, inspect(fields, { depth: 12, showHidden: true }), JSON.stringify(fields));
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const unused = (): never => {
    throw new TypeError('this hook has no use for that');
  };
  const context: PluginContext<Config> = {
    name: 'frameflow-prod',
    config,
    net: net ?? {
      request: unused,
      fetch: unused,
      trust: { rejectUnauthorized: true as const },
      as: unused,
      close: unused,
    },
    files: createFiles(),
    log,
    clock: { now: () => NOW, monotonic: unused, steady: unused, after: unused },
    hash: {
      fingerprint: unused,
      digest: (...parts: readonly string[]) =>
        createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
      unit: unused,
    },
  };
  return { context, text: () => lines.join('\n') };
}

/** The error of a run that must fail, after a look at its form. */
export async function failureOf(run: Promise<unknown>): Promise<EdgeError> {
  const thrown = await run.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof EdgeError)) throw new Error('it did not fail with an EdgeError', { cause: thrown });
  expect(thrown.message).toBe(thrown.failure.message);
  expect(thrown.message).not.toMatch(/\n/);
  expect(Buffer.byteLength(thrown.message)).toBeLessThanOrEqual(4096);
  return thrown;
}

/**
 * What every hook promises, whatever it does.
 *
 * @example hookContract('a signal', () => startSignalWorld());
 */
export function hookContract(name: string, makeWorld: () => Promise<HookWorld>): void {
  describe(`${name} as a hook`, () => {
    let world: HookWorld;
    const outputs: string[] = [];

    beforeEach(async () => {
      world = await makeWorld();
    });

    afterEach(async () => {
      await world.hook.close();
      await world.end();
      const text = [world.logged(), ...outputs.splice(0)].join('\n');
      expect(world.planted.length).toBeGreaterThan(0);
      for (const secret of world.planted) {
        const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
        expect(forms.filter((form) => text.includes(form))).toEqual([]);
      }
    });

    const failing = async (run: Promise<unknown>) => {
      const error = await failureOf(run);
      outputs.push(
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error),
        String(error.stack),
        inspect(world.hook, { depth: 20, showHidden: true }),
      );
      expect(error.cause).toBeUndefined();
      return error.failure;
    };

    test('runs once each time it is asked to', async () => {
      await world.hook.run(eventOf(1));
      await world.noticed(1);
      await world.hook.run(eventOf(2));
      await world.noticed(2);
    });

    test('fails with an EdgeError that says what failed and quotes no secret', async () => {
      await world.fail();
      const failure = await failing(world.hook.run(eventOf()));
      expect(failure.code).toMatch(/^[a-z_]+$/);
      expect(failure.message.length).toBeGreaterThan(20);
    });

    test('goes on after a failure: nothing is remembered of it', async () => {
      await world.hook.run(eventOf(1));
      await world.noticed(1);
      await world.fail();
      const first = await failing(world.hook.run(eventOf(2)));
      const second = await failing(world.hook.run(eventOf(2)));
      expect(second.code).toBe(first.code);
    });

    test('is closed any number of times, and runs nothing from then on', async () => {
      await world.hook.run(eventOf(1));
      await world.noticed(1);
      await Promise.all([world.hook.close(), world.hook.close()]);
      await world.hook.close();
      expect(await failing(world.hook.run(eventOf(2)))).toMatchObject({
        code: 'closed',
        verdict: 'retryable',
      });
    });
  });
}
