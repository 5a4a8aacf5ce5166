import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type Assignment, PROGRAM, type Report, ROLE } from './application.ts';
import { USERS_PROGRAM, USERS_ROLE, type UsersAssignment, type UsersReport } from './user-application.ts';

/** What the application has told so far. */
export type Tally = {
  readonly calls: number;
  readonly failures: number;
  /** Calls in the second before the last report. */
  readonly perSecond: number;
};

type AnyReport = Report | UsersReport;

/** What is worth telling of an application. `lost`: it ended although nobody asked it to. */
type News<R extends AnyReport> =
  | Exclude<R, { type: 'tally' }>
  | { readonly type: 'lost'; readonly reason: string };

/** An application as its parent sees it. */
export type Child<R extends AnyReport> = {
  readonly pid: number;
  tally(): Tally;
  /** What is new since the last call. */
  news(): ReadonlyArray<News<R>>;
  /** Lets it end its last call. Afterwards it is gone, whatever it did. */
  stop(): Promise<void>;
};

/** Longer than a call may take, ms. */
const STOP_WITHIN = 6_000;

export type ApplicationProcess = Child<Report>;
export type UsersProcess = Child<UsersReport>;

/** Starts the application that knows nothing of Keywarden. */
export function startApplication(assignment: Assignment): ApplicationProcess {
  return start<Report>(PROGRAM, ROLE, assignment);
}

/** Starts the application that acts in the name of its users. */
export function startUsers(assignment: UsersAssignment): UsersProcess {
  return start<UsersReport>(USERS_PROGRAM, USERS_ROLE, assignment);
}

/** Starts a process of its own. It ends with this one, however this one ends. */
function start<R extends AnyReport>(program: string, role: string, assignment: object): Child<R> {
  const child = fork(program, [role, JSON.stringify(assignment)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {},
    execArgv: [],
  });
  const ended = once(child, 'exit').catch(() => undefined);
  const recent: Array<{ readonly at: number; readonly calls: number }> = [];
  let news: Array<News<R>> = [];
  let calls = 0;
  let failures = 0;
  let stopping = false;
  child.on('message', (report: R) => {
    if (report.type !== 'tally') {
      news.push(report as Exclude<R, { type: 'tally' }>);
      return;
    }
    ({ calls, failures } = report);
    const at = performance.now();
    recent.push({ at, calls });
    while ((recent[0]?.at ?? at) < at - 1_000) recent.shift();
  });
  child.on('error', (error) => news.push({ type: 'lost', reason: error.message }));
  child.on('exit', (code, signal) => {
    if (!stopping)
      news.push({ type: 'lost', reason: `it ended by itself (${signal ?? `exit code ${code}`})` });
  });
  return {
    pid: child.pid ?? 0,
    tally: () => ({ calls, failures, perSecond: calls - (recent[0]?.calls ?? calls) }),
    news: () => {
      const told = news;
      news = [];
      return told;
    },
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      if (child.connected) child.send('stop', () => undefined);
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN);
      await ended;
      clearTimeout(late);
    },
  };
}
