import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rules } from '../../src/detectors/contract.ts';
import { Shelf } from '../../src/detectors/testing/shelf.ts';
import { event } from '../../src/detectors/testing/traffic.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import { DAY, type LogEvent, MINUTE, Secret } from '../../src/model/index.ts';
import { KeyRing } from '../../src/state/sealing.ts';
import { openState } from '../../src/state/sqlite/index.ts';
import { openFile } from '../../src/state/sqlite/open.ts';
import { Draw } from '../traffic/draw.ts';
import { diskTimed } from './recorder.ts';
import { median, quantile, type Row, rounded } from './row.ts';
import type { Interval } from './timeline.ts';
import { contextAt, PAGE } from './watch-lines.ts';

const FROM = Date.UTC(2026, 9, 1);
const MONITOR = 'bench';
const NOWHERE = () => null;

function rulesOf(rules: Rules, keys: number): Rules {
  const own = { geolocations: ['DE'], ipAllowlist: null, owner: 'bench', retired: false };
  const otherKeys = Object.fromEntries(Array.from({ length: keys }, (_, key) => [`key_${key}`, own]));
  // The rules of a log of no days take a key that paused for an hour for a dormant one: all would wake at once.
  const detectors = { ...rules.detectors, 'dormant-key': { after: 30 * DAY } };
  return { ...rules, ipAllowlist: null, otherKeys, detectors };
}

/** Calls of all keys, one after the other, in which every key is used by one of two machines; in pages. */
function* round(keys: number, from: number, ms: number, draw: Draw, status = 200): Generator<LogEvent[]> {
  let page: LogEvent[] = [];
  for (let key = 0; key < keys; key += 1) {
    const time = from + Math.floor((key / keys) * ms);
    const ip = `3.120.${(key * 2) % 256}.${1 + draw.below(2)}`;
    page.push(event({ id: `evt_${from}_${key}`, time, keyId: `key_${key}`, ip, status }));
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

const ROUNDS = 6;

/** Three days in which every key is used twice a day, and refused once. */
function* habit(keys: number, draw: Draw): Generator<LogEvent[]> {
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    yield* round(keys, FROM + (turn * DAY) / 2, DAY / 2, draw, turn === 3 ? 401 : 200);
  }
}

/** Then all of them are used in every minute. */
function* minutes(keys: number, count: number, draw: Draw): Generator<LogEvent[]> {
  for (let minute = 0; minute < count; minute += 1) {
    yield* round(keys, FROM + (ROUNDS * DAY) / 2 + minute * MINUTE, MINUTE, draw);
  }
}

/** Bytes of what is remembered, for each key of a large account. The watch is opened anew now and then, as after a restart. */
export function stateSize(all: Rules, keys: number): Row {
  const watch = createWatch(rulesOf(all, keys));
  const shelf = new Shelf();
  let state = shelf.open(watch);
  let pages = 0;
  for (const page of habit(keys, new Draw(1))) {
    const context = contextAt((page.at(-1)?.time ?? 0) + MINUTE, NOWHERE);
    shelf.fetch(watch, state, page, context);
    watch.observe(state, page, context);
    watch.tick(state, context);
    shelf.keep(watch, state);
    pages += 1;
    if (pages % 10 === 0) state = shelf.open(watch);
  }
  return {
    name: `watch: state of a key, of ${keys.toLocaleString('en')}`,
    value: Math.round(shelf.size / keys),
    unit: 'bytes',
    target: { atMost: 2_048 },
  };
}

/** Of one page, ms; `processor`: its time, of all threads. */
type Commit = {
  readonly changes: number;
  readonly state: number;
  readonly disk: number;
  readonly processor: number;
};

/** What it costs to commit a page that bears on a thousand keys: on the disk, with the cursor. */
export async function commits(all: Rules, pages: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  const file = join(folder, 'state', 'keywarden.db');
  const { database, guard } = openFile(file);
  const disk: Interval[] = [];
  const keys = new KeyRing([Secret.from(randomBytes(32))]);
  const opened = { database: diskTimed(database, disk), guard };
  const state = await openState(opened, { file, keys, now: Date.now, owner: 'bench' });
  try {
    const watch = createWatch(rulesOf(all, PAGE));
    const watched = watch.open(await state.watchGeneral(MONITOR));
    const draw = new Draw(2);
    const took: Commit[] = [];
    for (const page of [...habit(PAGE, draw), ...minutes(PAGE, pages, draw)]) {
      const context = contextAt((page.at(-1)?.time ?? 0) + MINUTE, NOWHERE);
      watch.admit(watched, await state.watchParts(MONITOR, watch.wanted(watched, page, context)));
      watch.observe(watched, page, context);
      watch.tick(watched, context);
      disk.length = 0;
      const [begun, used] = [performance.now(), process.cpuUsage()];
      const { put, drop } = watch.changes(watched);
      const changed = performance.now();
      await state.commit([
        { type: 'monitor.put', monitor: recordAt(context.now) },
        { type: 'watch.parts', monitor: MONITOR, put, drop },
      ]);
      const waited = disk.reduce((sum, { from, to }) => sum + to - from, 0);
      const committed = performance.now() - changed;
      const { user, system } = process.cpuUsage(used);
      const processor = (user + system) / 1_000;
      took.push({ changes: changed - begun, state: committed - waited, disk: waited, processor });
    }
    // The days of habit are no polls.
    return rowsOf(took.slice(ROUNDS));
  } finally {
    await state.close();
    await rm(folder, { recursive: true });
  }
}

function rowsOf(took: readonly Commit[]): Row[] {
  const name = 'watch: commit of a page of 1,000 keys';
  const target = { atMost: 10 };
  const whole = took.map(({ changes, state, disk }) => changes + state + disk);
  const stage = (what: string, of: (commit: Commit) => number): Row => ({
    name: `${name}, of it ${what}, median`,
    value: rounded(median(took.map(of))),
    unit: 'ms',
  });
  return [
    { name: `${name}, median`, value: rounded(median(whole)), unit: 'ms', target },
    { name: `${name}, 95th percentile`, value: rounded(quantile(whole, 0.95)), unit: 'ms', target },
    stage('finding what changed', ({ changes }) => changes),
    stage('writing it', ({ state }) => state),
    stage('waiting for the disk', ({ disk }) => disk),
    stage("the processor's time", ({ processor }) => processor),
  ];
}

function recordAt(now: number) {
  return {
    name: MONITOR,
    cursor: `${now}`,
    lastEventAt: now,
    polledAt: now,
    attempts: 0,
    skipped: 0,
    detectors: null,
  };
}
