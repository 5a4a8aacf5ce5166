import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rules } from '../../src/detectors/contract.ts';
import { Shelf } from '../../src/detectors/testing/shelf.ts';
import { event } from '../../src/detectors/testing/traffic.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import { DAY, type LogEvent, MINUTE, Secret } from '../../src/model/index.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import { Draw } from '../traffic/draw.ts';
import { median, quantile, type Row, rounded } from './row.ts';
import { contextAt, PAGE } from './watch-lines.ts';

const FROM = Date.UTC(2026, 9, 1);
const MONITOR = 'bench';
const NOWHERE = () => null;

function rulesOf(rules: Rules, keys: number): Rules {
  const own = { geolocations: ['DE'], ipAllowlist: null, owner: 'bench', retired: false };
  const otherKeys = Object.fromEntries(Array.from({ length: keys }, (_, key) => [`key_${key}`, own]));
  return { ...rules, ipAllowlist: null, otherKeys };
}

/** Days of an account in which every key is used by two machines four times a day, and refused once. */
function* pagesOf(keys: number, days: number, draw: Draw): Generator<LogEvent[]> {
  let serial = 0;
  for (let day = 0; day < days; day += 1) {
    for (let use = 0; use < 4; use += 1) {
      let page: LogEvent[] = [];
      for (let key = 0; key < keys; key += 1) {
        serial += 1;
        const time = FROM + day * DAY + use * (DAY / 4) + Math.floor((key / keys) * (DAY / 4));
        const ip = `3.120.${(key * 2) % 256}.${1 + draw.below(2)}`;
        const status = day === 1 && use === 2 ? 401 : 200;
        page.push(event({ id: `evt_${serial}`, time, keyId: `key_${key}`, ip, status }));
        if (page.length < PAGE) continue;
        yield page;
        page = [];
      }
      if (page.length > 0) yield page;
    }
  }
}

/** Bytes of what is remembered, for each key of a large account. The watch is opened anew now and then, as after a restart. */
export function stateSize(all: Rules, keys: number): Row {
  const watch = createWatch(rulesOf(all, keys));
  const shelf = new Shelf();
  let state = shelf.open(watch);
  let pages = 0;
  for (const page of pagesOf(keys, 3, new Draw(1))) {
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

/** What it costs to commit a page that bears on a thousand keys: on the disk, with the cursor. */
export async function commits(all: Rules, turns: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  const keys = [Secret.from(randomBytes(32))];
  const file = join(folder, 'state', 'keywarden.db');
  const state = await openSqlite({ file, keys, now: Date.now, owner: 'bench' });
  try {
    const watch = createWatch(rulesOf(all, PAGE));
    const watched = watch.open(await state.watchGeneral(MONITOR));
    const took: number[] = [];
    for (const page of pagesOf(PAGE, Math.ceil(turns / 4), new Draw(2))) {
      const context = contextAt((page.at(-1)?.time ?? 0) + MINUTE, NOWHERE);
      watch.admit(watched, await state.watchParts(MONITOR, watch.wanted(watched, page, context)));
      watch.observe(watched, page, context);
      watch.tick(watched, context);
      const begun = performance.now();
      const { put, drop } = watch.changes(watched);
      await state.commit([
        { type: 'monitor.put', monitor: recordAt(context.now) },
        { type: 'watch.parts', monitor: MONITOR, put, drop },
      ]);
      took.push(performance.now() - begun);
    }
    const name = 'watch: commit of a page of 1,000 keys';
    const target = { atMost: 10 };
    return [
      { name: `${name}, median`, value: rounded(median(took)), unit: 'ms', target },
      { name: `${name}, 95th percentile`, value: rounded(quantile(took, 0.95)), unit: 'ms', target },
    ];
  } finally {
    await state.close();
    await rm(folder, { recursive: true });
  }
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
