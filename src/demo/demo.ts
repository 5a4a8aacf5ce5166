import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stopSignals } from '../cli/signals.ts';
import type { Sandbox } from '../sandbox/index.ts';
import {
  type ApplicationProcess,
  startApplication,
  startUsers,
  type UsersProcess,
} from './application-process.ts';
import { APPLICATION_FILE, CAST, CLIENT, FILES, USERS } from './configuration.ts';
import { tellHeading } from './heading.ts';
import { Screen } from './screen.ts';
import { Show } from './show.ts';
import { type Stage, setStage } from './stage.ts';
import { faultsOf, type Result, tellSummary } from './summary.ts';
import { type AlertVerdict, judgeAlerts, rotationFigures, settled } from './verdict.ts';

export type DemoOptions = {
  /** How long, ms of wall time from when the users have consented; absent: until Ctrl-C. */
  readonly for?: number;
  /** Virtual seconds a second. */
  readonly speed: number;
  /** The API's port on loopback; 0: any. */
  readonly port: number;
};

/** How often the screen is brought up to date, ms of wall time. */
const FRAME = 50;
const CALL_EVERY = 25;
/** What was on its way when the end came has so long to arrive, ms of wall time. */
const DRAIN_WITHIN = 5_000;

/**
 * Sandbox, daemon, an application that uses the keys and one that acts for users who consented, in one process tree on a
 * fast clock, told on standard output. Gives the exit code: 0 only where none of their calls failed and every alert arrived.
 *
 * @throws {KeywardenError} what the daemon's start throws, such as `port_taken`; nothing is left behind
 * @example process.exitCode = await demo({ for: 60_000, speed: 86_400, port: 0 });
 */
export async function demo(options: DemoOptions): Promise<number> {
  const impatient = new AbortController();
  const signals = stopSignals(() => impatient.abort());
  // The terminal is gone: nobody is there to read a summary.
  const hangUp = () => process.exit(1);
  process.once('SIGHUP', hangUp);
  try {
    return await run(options, signals.first, impatient.signal);
  } finally {
    process.off('SIGHUP', hangUp);
    signals.release();
  }
}

async function run(options: DemoOptions, stopped: Promise<unknown>, impatient: AbortSignal): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const warnings: string[] = [];
  const { promise: started, resolve } = Promise.withResolvers<ApplicationProcess>();
  const stage = await setStage({
    speed: options.speed,
    port: options.port,
    before: async (sandbox, directory) => {
      const application = launch(sandbox, directory);
      opened.defer(() => application.stop());
      resolve(application);
    },
    warned: (message) => warnings.push(message),
  });
  opened.defer(() => stage.close());
  const application = await started;
  const screen = new Screen(process.stdout, stage.start, options.speed);
  const users = launchUsers(stage);
  opened.defer(() => users.stop());
  tellHeading(screen, stage, { application, users }, options);
  const show = new Show({ stage, screen, application, users, warnings, speed: options.speed });

  const ending = new AbortController();
  void stopped.then(() => ending.abort());
  while (!ending.signal.aborted && show.elapsed < (options.for ?? Number.POSITIVE_INFINITY)) {
    await show.turn();
    await delay(FRAME, undefined, { signal: ending.signal }).catch(() => undefined);
  }
  const result = await end(stage, show, { application, users }, impatient);
  screen.end();
  tellSummary(screen, result);
  return faultsOf(result).length === 0 ? 0 : 1;
}

function launch(sandbox: Sandbox, directory: string): ApplicationProcess {
  return startApplication({
    url: sandbox.frameflow.url,
    caFile: join(directory, FILES.ca),
    envFile: join(directory, APPLICATION_FILE),
    variables: CAST.map(({ variable }) => variable),
    everyMs: CALL_EVERY,
  });
}

function launchUsers({ sandbox, daemon, directory }: Stage): UsersProcess {
  return startUsers({
    url: sandbox.frameflow.url,
    caFile: join(directory, FILES.ca),
    api: daemon.api.address,
    tokenFile: join(directory, FILES.appToken),
    client: CLIENT,
    subjects: USERS,
    everyMs: CALL_EVERY,
  });
}

/** The applications first: their last calls are made while all else still runs. Then what is owed to the channels. */
async function end(
  stage: Stage,
  show: Show,
  { application, users }: { readonly application: ApplicationProcess; readonly users: UsersProcess },
  impatient: AbortSignal,
): Promise<Result> {
  const { state } = stage.daemon.engine.context;
  const until = stage.clock.now();
  const wall = show.elapsed;
  await Promise.all([application.stop(), users.stop()]);
  const alerts = await drain(stage, show, until, impatient);
  return {
    virtual: until - stage.start,
    wall,
    rotations: await rotationFigures(state),
    application: application.tally(),
    keysUsed: show.keysUsed,
    users: show.users(),
    failures: show.failures,
    lost: show.lost,
    alerts,
    staged: show.staged.length,
  };
}

async function drain(stage: Stage, show: Show, until: number, impatient: AbortSignal): Promise<AlertVerdict> {
  const { daemon, sandbox } = stage;
  const late = AbortSignal.any([impatient, AbortSignal.timeout(DRAIN_WITHIN)]);
  for (;;) {
    const last = late.aborted;
    await show.follow();
    const { state } = daemon.engine.context;
    const verdict = await judgeAlerts(state, () => receivedBy(sandbox), show.staged, until);
    if (last || settled(verdict)) return verdict;
    await delay(FRAME, undefined, { signal: late }).catch(() => undefined);
  }
}

function receivedBy({ slack, pagerduty }: Sandbox) {
  return { slack: slack.messages(), pagerduty: pagerduty.events() };
}
