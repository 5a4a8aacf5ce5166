import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import type { SandboxState } from '../sandbox/index.ts';

const KEYWARDEN = fileURLToPath(new URL('../keywarden.js', import.meta.url));
const PATIENCE = { timeout: 45_000, interval: 50 };
const LIMITS = { timeout: 60_000 };

/** The demonstration as a user has it: the command, in a process of its own. */
class Running {
  readonly process: ChildProcess;
  /** Holds nothing but what the demonstration leaves behind. */
  readonly folder: string;
  readonly #exit: Promise<number | null>;
  output = '';
  complaints = '';

  constructor(folder: string, args: readonly string[]) {
    this.folder = folder;
    this.process = spawn(process.execPath, [KEYWARDEN, 'demo', ...args], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.complaints += text;
    });
    this.#exit = once(this.process, 'close').then(([code]) => code as number | null);
  }

  /** The first group of `pattern` in the output, once it is there. */
  read(pattern: RegExp): Promise<string> {
    return vi.waitFor(() => {
      const found = pattern.exec(this.output)?.[1];
      if (found === undefined) throw new Error(`no ${pattern} in:\n${this.output}`);
      return found;
    }, PATIENCE);
  }

  /** Sends `body` to a route of the sandbox's levers. */
  async pull(route: string, body: object = {}): Promise<void> {
    const levers = await this.read(/curl (http:\S+)\/state/);
    const answer = await fetch(`${levers}${route}`, { method: 'POST', body: JSON.stringify(body) });
    expect(answer.ok).toBe(true);
  }

  exit(): Promise<number | null> {
    return this.#exit;
  }
}

async function start(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  ...args: readonly string[]
): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-demo-test-'));
  const running = new Running(folder, args);
  onTestFinished(async () => {
    running.process.kill('SIGKILL');
    await running.exit();
    await rm(folder, { recursive: true, force: true });
  });
  return running;
}

describe.concurrent('the demonstration', LIMITS, () => {
  test('shows rotations, renewals, an attack and an intruder, and exits 0 where all went well', async (context) => {
    const demo = await start(context, '--for', '12s');
    expect(await demo.exit()).toBe(0);

    const { output } = demo;
    expect(output).toMatch(/overlap +frameflow-batch +key_\w+ and key_\w+ both work until day 5\./);
    expect(output).toMatch(/application +frameflow-prod +calls with key_\w+/);
    expect(output).toMatch(/completed +frameflow-batch +key_\w+ has ended, key_\w+ is in use/);
    expect(output).toMatch(/Slack +Info: frameflow-batch rotated: every destination has key_\w+/);
    expect(output).toMatch(/PagerDuty +trigger · critical · auth-failure-spike:/);
    expect(output).toMatch(/Slack +CRITICAL(?: \(over\))?: \d+ refused logins/);
    expect(output).toMatch(/PagerDuty +trigger · critical · unregistered-geolocation:/);
    expect(output).toMatch(/application +\d{3} calls with [4-9] keys, 0 failures/);
    expect(output).toMatch(/consent +ada allows asset:download at FrameFlow\n/);
    expect(output).toMatch(/renewal +ada has a new access token and noticed nothing/);
    expect(output.match(/DISCONNECT +bea takes her consent back/g)).toHaveLength(1);
    expect(output.match(/PagerDuty +trigger · warning · consent-required:/g)).toHaveLength(1);
    expect(output).toMatch(/users +Keywarden tells the application: bea must consent again\n/);
    const users =
      /2 consented, 1 took it back; (\d+) renewals unseen by them; (\d+) calls in their names, 0 failures/;
    const [, renewals, calls] = users.exec(output) ?? [];
    expect(Number(renewals)).toBeGreaterThanOrEqual(3);
    expect(Number(calls)).toBeGreaterThan(Number(renewals));
    expect(output).toMatch(/attacks, intruders and a user who leaves: 3, of which 3 were told/);
    expect(output).toContain('No call of the application failed, and every alert arrived.');
    expect(output).not.toContain('\u001b');
    expect(demo.complaints).toBe('');
    expect(await readdir(demo.folder)).toEqual([]);
  });

  test('exits 1 and says why where a key that the application uses ends, and ends by Ctrl-C', async (context) => {
    const demo = await start(context);
    const key = await demo.read(/application +frameflow-prod +calls with (key_\w+)/);
    await demo.pull(`/keys/${key}/revoke`);
    await demo.read(/(FAILURE +a call with FRAMEFLOW_API_KEY: 401 key_expired)/);
    demo.process.kill('SIGINT');
    expect(await demo.exit()).toBe(1);
    expect(demo.output).toMatch(
      /FAILED: \d+ calls? of the application failed: FRAMEFLOW_API_KEY: 401 key_expired/,
    );
    expect(demo.output).not.toContain('every alert arrived');
    expect(await readdir(demo.folder)).toEqual([]);
  });
});

describe('the demonstration', LIMITS, () => {
  test('exits 1 and says why where an alert does not arrive', async (context) => {
    const demo = await start(context);
    await demo.pull('/faults', { service: 'slack', times: 0, fault: { kind: 'status', status: 404 } });
    await demo.read(/(overlap +frameflow-batch)/);
    await demo.read(/(warning +slack: )/);
    demo.process.kill('SIGTERM');
    expect(await demo.exit()).toBe(1);
    expect(demo.output).toMatch(/FAILED: Slack did not receive rotation-completed \(frameflow-batch rotated/);
    expect(demo.output).toContain('0 failures');
  });

  test('exits 1 and says why where a call in a user’s name is refused', async (context) => {
    const demo = await start(context);
    await demo.read(/(renewal +ada)/);
    const levers = await demo.read(/curl (http:\S+)\/state/);
    const state = (await (await fetch(`${levers}/state`)).json()) as SandboxState;
    await demo.pull(`/grants/${state.frameflow.grants[0]?.id}/end-access`);
    await demo.read(/(FAILURE +a call with the user ada: FrameFlow: 401 invalid_token)/);
    demo.process.kill('SIGINT');
    expect(await demo.exit()).toBe(1);
    expect(demo.output).toMatch(
      /FAILED: 1 call of the application failed: the user ada: FrameFlow: 401 invalid_token/,
    );
  });

  test('takes its applications along, however it ends', async (context) => {
    const demo = await start(context, '--speed', '1');
    const applications = [/process (\d+) reads/, /process (\d+) acts/].map(async (pattern) =>
      Number(await demo.read(pattern)),
    );
    await demo.read(/(consent +ada)/);
    demo.process.kill('SIGKILL');
    for (const application of await Promise.all(applications)) {
      await vi.waitFor(() => {
        expect(() => process.kill(application, 0)).toThrow('ESRCH');
      }, PATIENCE);
    }
  });

  test('leaves nothing behind where its port is taken', async (context) => {
    const first = await start(context, '--speed', '1');
    const port = await first.read(/API is http:\/\/127\.0\.0\.1:(\d+)/);
    const second = await start(context, '--port', port);
    expect(await second.exit()).toBe(1);
    expect(second.complaints).toContain(`another process listens on 127.0.0.1:${port}`);
    expect(await readdir(second.folder)).toEqual([]);
  });
});
