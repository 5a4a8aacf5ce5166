import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lineOf } from '../../../test/traffic/line.ts';
import { event } from '../../detectors/testing/traffic.ts';
import { MINUTE } from '../../model/index.ts';
import { cli, type Ended } from '../testing/cli.ts';

const NINE = Date.UTC(2026, 9, 1, 9);
const CONFIG = `version: 1
installation: { name: footage, environment: test }
state: { directory: ./nowhere, encryptionKeys: [{ file: ./not-there.key }] }
providers: { frameflow: { kind: frameflow } }
credentials: { prod: { provider: frameflow, keyId: key_prod, secret: { env: NOT_SET } } }
monitors:
  log: { provider: frameflow, credential: prod, geolocations: [DE], otherKeys: { key_9Xc1: { owner: data team } } }
alerts: { heartbeat: { url: "https://hc.example.com/p", every: 1m } }
`;

let folder: string;

/** Ten calls with a key. */
const calls = (keyId: string) =>
  Array.from({ length: 10 }, (_, turn) => {
    const time = NINE + turn * MINUTE;
    return `${lineOf(event({ id: `${keyId}-${turn}`, time, keyId }))}\n`;
  }).join('');
const quiet = calls('key_9Xc1');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kw-'));
  await file('keywarden.yaml', CONFIG);
  await file('stray.ndjson', calls('key_stray'));
});
afterAll(() => rm(folder, { recursive: true }));

const file = (name: string, content: string) => writeFile(join(folder, name), content);

const backtest = (args: readonly string[], input?: string): Promise<Ended> =>
  cli(['backtest', ...args], { cwd: folder, ...(input === undefined ? {} : { input }) });

test.each([
  [[], ['empty.ndjson'], 'empty.ndjson holds no line'],
  [['--json'], ['-'], 'standard input holds no line'],
  [['--fail-on', 'critical'], ['notes.md'], 'notes.md holds 2 lines, none of them an event'],
  [['--tune'], ['empty.ndjson', 'notes.md'], 'empty.ndjson, notes.md hold 2 lines, none of them an event'],
])('%j %j without an event ends it with 1: nothing was judged', async (flags, files, held) => {
  await file('empty.ndjson', '');
  await file('notes.md', '# Notes\n\nof the day\n');
  const { code, stdout, stderr } = await backtest([...flags, ...files], '');
  expect(stderr).toContain(`error: nothing was judged: ${held}; give a log in NDJSON`);
  expect([code, stdout]).toEqual([1, '']);
});

test('--fail-on is no pass where lines could not be read', async () => {
  await file('part.ndjson', `${quiet}{"id": "e\n`);
  const [judged, passed, found] = await Promise.all([
    backtest(['part.ndjson']),
    backtest(['--fail-on', 'warning', 'part.ndjson']),
    backtest(['--fail-on', 'warning', 'part.ndjson', 'stray.ndjson']),
  ]);
  expect([judged.code, passed.code, found.code]).toEqual([0, 1, 5]);
  expect(passed.stderr).toContain(
    'error: --fail-on: nothing as grave was found, but 1 line could not be read, and may hold it\n',
  );
});
