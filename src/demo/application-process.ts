import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type Assignment, PROGRAM, type Report, ROLE } from './application.ts';

/** What the application has told so far. */
export type Tally = {
  readonly calls: number;
  readonly failures: number;
  /** Calls in the second before the last report. */
  readonly perSecond: number;
};

/** What is worth telling of it. `lost`: it ended although nobody asked it to. */
export type News = Exclude<Report, { type: 'tally' }> | { readonly type: 'lost'; readonly reason: string };

/** The application as its parent sees it. */
export type ApplicationProcess = {
  readonly pid: number;
  tally(): Tally;
  /** What is new since the last call. */
  news(): readonly News[];
  /** Lets it end its last call. Afterwards it is gone, whatever it did. */
  stop(): Promise<void>;
};

/** Longer than a call may take, ms. */
const STOP_WITHIN = 6_000;

/** Starts the application as a process of its own. It ends with this one, however this one ends. */
export function startApplication(assignment: Assignment): ApplicationProcess {
  const child = fork(PROGRAM, [ROLE, JSON.stringify(assignment)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {},
    execArgv: [],
  });
  const ended = once(child, 'exit').catch(() => undefined);
  const recent: Array<{ readonly at: number; readonly calls: number }> = [];
  let news: News[] = [];
  let calls = 0;
  let failures = 0;
  let stopping = false;
  child.on('message', (report: Report) => {
    if (report.type !== 'tally') {
      news.push(report);
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
