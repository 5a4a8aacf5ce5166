import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readLabels } from '../../src/cli/backtest/labels.ts';
import { monitorFor } from '../../src/cli/backtest/monitor.ts';
import { LATENESS, REPEATS } from '../../src/detectors/log-clock.ts';
import { DAY, type LogEvent } from '../../src/model/index.ts';
import { parseLogEvent } from '../../src/providers/frameflow/log-event.ts';
import { labelOf } from './episode.ts';
import { lineOf } from './line.ts';
import { reportOf } from './report.ts';
import { documentOf } from './rules.ts';
import { scoreOf } from './score.ts';
import { trafficOf } from './traffic.ts';

/** Small enough for a test; seeds to tune by are 1 to 20. */
const SMALL = { seed: 103, days: 5, keys: 120, calls: 15_000 } as const;

/** What the watch does not find here: a machine's clients are learnt for 14 days. */
const HARD: readonly string[] = ['new client of a machine key'];

function eventsOf(options: Parameters<typeof trafficOf>[0]): LogEvent[] {
  return trafficOf(options)
    .minutes.flatMap(({ events }) => events)
    .toArray();
}

async function inFolder(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-traffic-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

test('a seed determines every line, and another seed gives others', () => {
  const few = { ...SMALL, days: 1, calls: 500 };
  const [one, again, other] = [few, few, { ...few, seed: 102 }].map((options) =>
    eventsOf(options).map(lineOf),
  );
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
});

test("lines are in the form of the provider's log", () => {
  for (const event of eventsOf({ ...SMALL, days: 1, calls: 500 })) {
    expect(parseLogEvent(JSON.parse(lineOf(event)))).toEqual(event);
  }
});

test('events come late and again, within what the contract allows', () => {
  const arrived = new Map<string, number>();
  let [late, repeated] = [0, 0];
  for (const { until, events } of trafficOf({ ...SMALL, days: 2, calls: 2_000 }).minutes) {
    for (const { id, time } of events) {
      const before = arrived.get(id);
      expect(until - 60_000 - (before ?? time)).toBeLessThanOrEqual(
        before === undefined ? LATENESS : REPEATS,
      );
      if (before !== undefined) repeated += 1;
      else if (until - time > 2 * 60_000) late += 1;
      arrived.set(id, before ?? until);
    }
  }
  expect([late > 20, repeated > 5]).toEqual([true, true]);
});

test('the labels and the configuration are what backtest reads', async () => {
  const { episodes, rules, day } = trafficOf({ ...SMALL, days: 1 });
  const labels = await readLabels(await inFolder('labels.ndjson', episodes.map(labelOf).join('\n')));
  expect(labels.map(({ episode }) => episode)).toEqual(episodes.map(({ name }) => name));
  for (const { from, to } of labels) expect([from >= day, to < day + DAY]).toEqual([true, true]);
  const file = await inFolder('keywarden.yaml', JSON.stringify(documentOf(rules)));
  expect((await monitorFor(undefined, [file])).rules).toEqual(rules);
});

test('every attack of a day is found, told in two alerts at most, nothing else pages, and the days before hardly do', () => {
  const score = scoreOf(SMALL);
  const report = reportOf(score, true);
  const attacks = score.outcomes.filter(({ episode }) => !episode.benign);
  const missed = attacks.filter(({ polls }) => polls === null).map(({ episode }) => episode.name);
  expect(
    missed.filter((name) => !HARD.includes(name)),
    report,
  ).toEqual([]);
  expect(score.benignPages, report).toEqual([]);
  // Of 120 keys, of which nothing is known on the first day.
  expect(score.earlierPages.length, report).toBeLessThanOrEqual(6);
  for (const { alerts } of attacks) expect(alerts.length, report).toBeLessThanOrEqual(2);
});
