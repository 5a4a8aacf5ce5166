import { setFlagsFromString } from 'node:v8';
import type { MonitorRules } from '../../config/monitors.ts';
import type { Severity } from '../../model/index.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { ConfigOptions } from '../options.ts';
import { print, printable, tell } from '../terminal.ts';
import { explanation, isOn, NO_KEY } from './explain.ts';
import { Findings, type Found, isAtLeast } from './found.ts';
import { locator } from './geo.ts';
import { type Label, readLabels } from './labels.ts';
import { LogFiles } from './log.ts';
import { managedKeys, monitorFor } from './monitor.ts';
import { Progress } from './progress.ts';
import { Replay } from './replay.ts';
import { findingJson, findingsLine, findingsTable, plural, readingLines, scoreLines } from './report.ts';
import { score } from './score.ts';
import { called, STDIN, sizeOf } from './source.ts';
import { tuningJson, tuningLines, withBudget } from './tune.ts';

export type BacktestOptions = ConfigOptions & {
  readonly monitor?: string;
  readonly json?: boolean;
  readonly labels?: string;
  readonly explain?: string;
  readonly failOn?: Severity;
  readonly tune?: boolean;
  readonly budgets: readonly number[];
};

/**
 * Runs the detectors over a log by the rules of a monitor and prints what they find. Nothing is sent, no secret is read,
 * no state is opened: what the daemon remembers of its keys is not known here.
 */
export async function backtest(files: readonly string[], options: BacktestOptions): Promise<number> {
  if (files.filter((file) => file === STDIN).length > 1)
    throw new CommandError(EXIT.usage, 'standard input (-) can be read once only');
  const monitor = await monitorFor(options.monitor, options.config);
  const labels = options.labels === undefined ? null : await readLabels(options.labels);
  return options.tune === true
    ? tune(files, monitor, labels, options)
    : find(files, monitor, labels, options);
}

async function find(
  files: readonly string[],
  monitor: MonitorRules,
  labels: readonly Label[] | null,
  { json = false, explain, failOn }: BacktestOptions,
): Promise<number> {
  const { log, runs } = await run(files, monitor, [monitor.rules], explain);
  const all = runs.flatMap(({ found }) => found);
  const shown = explain === undefined ? all : all.filter((found) => isOn(found, explain));
  if (json) for (const found of shown) print(JSON.stringify(asJson(found, explain !== undefined)));
  else print(findingsTable(shown));
  if (explain !== undefined && !json)
    for (const found of shown) for (const line of explanation(found)) print(line);
  if (explain !== undefined && log.eventsOnKey === 0) tell(strangeKey(explain));
  if (labels !== null) {
    // Lines of JSON stay lines of JSON.
    const say = json ? tell : print;
    if (!json) say('');
    for (const line of scoreLines(score(all, labels))) say(line);
  }
  tell(findingsLine(shown));
  if (failOn === undefined) return EXIT.done;
  if (shown.some(({ severity }) => isAtLeast(severity, failOn))) return EXIT.faults;
  if (log.unreadable.count === 0) return EXIT.done;
  throw new CommandError(
    EXIT.failed,
    `--fail-on: nothing as grave was found, but ${plural(log.unreadable.count, 'line')} could not be read, and may hold it`,
  );
}

/** The surface's form; with how it was judged where that was asked for. */
function asJson(found: Found, explained: boolean): object {
  const { why } = found.begun;
  return explained && why !== undefined ? { ...findingJson(found), why } : findingJson(found);
}

function strangeKey(key: string): string {
  return key === NO_KEY
    ? 'warning: no call in the log is without a key'
    : `warning: no event in the log bears the key ${JSON.stringify(key)}`;
}

async function tune(
  files: readonly string[],
  monitor: MonitorRules,
  labels: readonly Label[] | null,
  { json = false, budgets }: BacktestOptions,
): Promise<number> {
  const configured = monitor.rules.detectors['auth-failure-spike']?.falseAlarmsPerKeyYear;
  if (configured === undefined)
    throw new CommandError(
      EXIT.usage,
      `--tune: ${monitor.name} has auth-failure-spike turned off, the one detector with a budget`,
    );
  const rules = budgets.map((budget) => withBudget(monitor.rules, budget));
  const { log, runs } = await run(files, monitor, rules);
  const trials = runs.map(({ found }, index) => ({ budget: budgets[index] ?? configured, found }));
  const spanMs = log.from === null || log.to === null ? 0 : log.to - log.from;
  const tuning = { trials, configured, spanMs, keys: runs[0]?.keys ?? 0, labels };
  if (json) for (const trial of tuningJson(tuning)) print(JSON.stringify(trial));
  else for (const line of tuningLines(tuning)) print(line);
  return EXIT.done;
}

/**
 * Nearly all that is made of a line is garbage a page later. V8 would take ever more room for it; with what the start took,
 * a million lines stay under 150 MB at the same speed.
 */
const FRUGAL = ['--semi-space-growth-factor=1', '--heap-growing-percent=30'];

type Run = { readonly found: readonly Found[]; readonly keys: number };

/**
 * Reads the log once, with a watch beside the other for each of `rules`; tells what was read.
 *
 * @throws {CommandError} `failed` where no event was read: of nothing nothing was found, which is no good news
 */
async function run(
  files: readonly string[],
  monitor: MonitorRules,
  rules: readonly MonitorRules['rules'][],
  explain?: string,
): Promise<{ readonly log: LogFiles; readonly runs: readonly Run[] }> {
  const total = await sizeOf(files);
  const locate = await locator(monitor.geoip);
  const keys = managedKeys(monitor);
  const watched = rules.map((each) => {
    const findings = new Findings();
    const options = { monitor: monitor.name, rules: each, keys, locate };
    return { findings, replay: new Replay(options, (...told) => findings.add(...told)) };
  });
  for (const flag of FRUGAL) setFlagsFromString(flag);
  const log = new LogFiles(files, explain === NO_KEY ? null : explain);
  const progress = new Progress(total);
  try {
    for await (const events of log.pages()) {
      for (const { replay } of watched) replay.take(events);
      progress.show(log);
    }
    for (const { replay } of watched) replay.end();
  } finally {
    progress.clear();
  }
  for (const line of readingLines(log, progress.tookMs)) tell(line);
  if (log.events === 0) throw new CommandError(EXIT.failed, nothingRead(files, log));
  return { log, runs: watched.map(({ findings, replay }) => ({ found: findings.all(), keys: replay.keys })) };
}

function nothingRead(files: readonly string[], { unreadable }: LogFiles): string {
  const names = printable(files.map(called).join(', '));
  const held =
    unreadable.count === 0 ? 'no line' : `${plural(unreadable.count, 'line')}, none of them an event`;
  return `nothing was judged: ${names} ${files.length === 1 ? 'holds' : 'hold'} ${held}; give a log in NDJSON, the event objects of the log endpoint, one a line`;
}
