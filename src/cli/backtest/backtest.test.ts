import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lineOf } from '../../../test/traffic/line.ts';
import { attack, event } from '../../detectors/testing/traffic.ts';
import { formatTime, HOUR, type LogEvent, MINUTE, SECOND } from '../../model/index.ts';
import { cli, type Ended } from '../testing/cli.ts';
import { onTerminal } from '../testing/terminal.ts';

const NINE = Date.UTC(2026, 9, 1, 9);
const CONFIG = `version: 1
installation: { name: footage, environment: test }
state: { directory: ./nowhere, encryptionKeys: [{ file: ./not-there.key }] }
providers: { frameflow: { kind: frameflow } }
credentials:
  prod: { provider: frameflow, keyId: key_prod, secret: { env: NOT_SET } }
monitors:
  log:
    provider: frameflow
    credential: prod
    geolocations: [DE]
    perCredential: { prod: { geolocations: [DE, FR] } }
    otherKeys: { key_9Xc1: { owner: data team } }
    detectors: { new-client: false, failures-then-success: false, volume-surge: false, dormant-key: false }
alerts: { heartbeat: { url: "https://hc.example.com/p", every: 1m } }
`;

let folder: string;
let guessing: readonly LogEvent[];
let abroad: readonly LogEvent[];

/** A call every five minutes, as always. */
const usual = (from: number, until: number, over: Partial<LogEvent> = {}) =>
  Array.from({ length: Math.ceil((until - from) / (5 * MINUTE)) }, (_, turn) =>
    event({ id: `${over.keyId}-${from + turn * 5 * MINUTE}`, time: from + turn * 5 * MINUTE, ...over }),
  );

const ndjson = (events: readonly LogEvent[]) =>
  events
    .toSorted((a, b) => a.time - b.time)
    .map((found) => `${lineOf(found)}\n`)
    .join('');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kw-'));
  await writeFile(join(folder, 'keywarden.yaml'), CONFIG);
  guessing = attack({ from: NINE + 6 * HOUR, count: 60, every: SECOND });
  abroad = [
    event({ id: 'abroad', time: NINE + 7 * HOUR, ip: '198.51.100.9', geo: placeOf('FR') }),
    event({
      id: 'allowed',
      time: NINE + 7 * HOUR,
      ip: '198.51.100.9',
      geo: placeOf('FR'),
      keyId: 'key_prod',
    }),
  ];
  await file('day.ndjson', ndjson([...usual(NINE, NINE + 9 * HOUR), ...guessing, ...abroad]));
});
afterAll(() => rm(folder, { recursive: true }));

const placeOf = (country: string) => ({ country, city: null, latitude: null, longitude: null });

async function file(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(folder, name), content);
}

const backtest = (args: readonly string[], input?: string | Buffer): Promise<Ended> =>
  cli(['backtest', ...args], { cwd: folder, ...(input === undefined ? {} : { input }) });

const objects = ({ stdout }: Ended) =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('findings are a table, what was read stands on standard error; nothing else of the configuration is needed', async () => {
  const { code, stdout, stderr } = await backtest(['day.ndjson']);
  const rows = stdout.trimEnd().split('\n');
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatch(/^TIME +SEVERITY +KIND +KEY +SOURCES +TITLE$/);
  expect(rows[1]).toMatch(
    /^2026-10-01 15:00:\d\dZ +critical +auth-failure-spike +key_9Xc1 +198\.51\.100\.77 /,
  );
  expect(rows[2]).toMatch(
    /^2026-10-01 16:00:00Z +critical +unregistered-geolocation +key_9Xc1 +198\.51\.100\.9 /,
  );
  expect(stderr).toMatch(
    /^170 events from 2026-10-01 09:00:00Z to 2026-10-01 17:55:00Z, read in \S+ \([\d,]+ a second\)\n2 findings: 1 auth-failure-spike, 1 unregistered-geolocation\n$/,
  );
  expect(stderr).not.toContain('\u001b');
  expect(code).toBe(0);
});

test('--json is an object a line, in the form that is public', async () => {
  const ended = await backtest(['--json', 'day.ndjson']);
  const [spike, place, ...others] = objects(ended);
  expect(Object.keys(spike ?? {})).toEqual([
    ...['kind', 'severity', 'at', 'keyId', 'ips', 'firstEventAt', 'lastEventAt', 'title', 'evidence'],
  ]);
  // The end of what was told is in it, although the log ends before the alert would have.
  expect(spike).toMatchObject({
    kind: 'auth-failure-spike',
    severity: 'critical',
    ips: ['198.51.100.77'],
    firstEventAt: formatTime(NINE + 6 * HOUR),
    lastEventAt: formatTime(NINE + 6 * HOUR + 59 * SECOND),
  });
  expect(place).toMatchObject({
    at: formatTime(NINE + 7 * HOUR),
    keyId: 'key_9Xc1',
    evidence: { ips: ['198.51.100.9'] },
  });
  expect(others).toEqual([]);
  expect(ended.code).toBe(0);
});

describe('the log', () => {
  test('may be packed, on standard input, packed on standard input, or in parts', async () => {
    const whole = ndjson([...usual(NINE, NINE + 9 * HOUR), ...guessing, ...abroad]);
    const lines = whole.split('\n');
    await file('day.ndjson.gz', gzipSync(whole));
    // Two packed parts behind one another are one file (RFC 1952).
    const [early, late] = [lines.slice(0, 100).join('\n'), lines.slice(100).join('\n')];
    await file('parts.log', Buffer.concat([gzipSync(`${early}\n`), gzipSync(late)]));
    await file('early.ndjson', early);
    await file('late.ndjson.gz', gzipSync(late));
    const expected = (await backtest(['--json', 'day.ndjson'])).stdout;
    expect(expected).toContain('auth-failure-spike');
    const ways = [['day.ndjson.gz'], ['parts.log'], ['early.ndjson', 'late.ndjson.gz']];
    for (const files of ways) expect((await backtest(['--json', ...files])).stdout).toBe(expected);
    expect((await backtest(['--json', 'early.ndjson', '-'], late)).stdout).toBe(expected);
    expect((await backtest(['--json', '-'], whole)).stdout).toBe(expected);
    expect((await backtest(['--json', '-'], gzipSync(whole))).stdout).toBe(expected);
  });

  test('may hold lines that are no event: they are counted and told by their place', async () => {
    const lines = ndjson(guessing).trimEnd().split('\n');
    const mixed = [
      '\ufeff# a note',
      ...lines.slice(0, 30),
      '',
      '{"id": 1}',
      '[]\r',
      ...lines.slice(30),
      '{"id": "e',
    ];
    await file('mixed.ndjson', mixed.join('\r\n'));
    const { code, stdout, stderr } = await backtest(['mixed.ndjson']);
    expect(stderr).toContain('60 events from ');
    expect(stderr).toContain(
      'warning: 4 lines left out, no JSON or no event of the log endpoint: mixed.ndjson:1, mixed.ndjson:33, mixed.ndjson:34, mixed.ndjson:65\n',
    );
    expect(stdout).toContain('auth-failure-spike');
    expect(code).toBe(0);
  });

  test('that runs backwards is told', async () => {
    const lines = ndjson(usual(NINE, NINE + 2 * HOUR))
      .trimEnd()
      .split('\n');
    await file('backwards.ndjson', lines.toReversed().join('\n'));
    expect((await backtest(['backwards.ndjson'])).stderr).toContain(
      'warning: 20 events more than 15 minutes behind those before, and so not judged as they would have been: backwards.ndjson:5,',
    );
  });

  test.each([
    [['none.ndjson'], 'error: none.ndjson cannot be read: there is no such file'],
    [['day.ndjson', 'folder'], 'error: folder is a directory; name the files in it'],
    [
      ['cut.gz'],
      'error: cut.gz cannot be read: what gzip packed ends too early: the file was cut off; fetch it again',
    ],
    [['damaged.gz'], 'error: damaged.gz cannot be read: what gzip packed is damaged; fetch it again'],
  ])('%j that cannot be read ends it with 1 and nothing on standard output', async (files, message) => {
    const packed = gzipSync(ndjson(guessing));
    await file('cut.gz', packed.subarray(0, packed.length - 20));
    await file('damaged.gz', Buffer.concat([packed.subarray(0, 40), Buffer.alloc(200, 0xff)]));
    await mkdir(join(folder, 'folder'), { recursive: true });
    const { code, stdout, stderr } = await backtest(files);
    expect(stderr).toContain(`${message}\n`);
    expect([code, stdout]).toEqual([1, '']);
  });
});

describe('the rules', () => {
  test('of one of several monitors are named', async () => {
    const second = '  other: { provider: frameflow, credential: prod, geolocations: [DE, FR] }\n';
    await file('two.yaml', CONFIG.replace('alerts:', `${second}alerts:`));
    const run = (...args: string[]) => backtest(['--config', 'two.yaml', ...args, 'day.ndjson']);
    const [none, other, unknown] = await Promise.all([
      run(),
      run('--monitor', 'other'),
      run('--monitor', 'othr'),
    ]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toContain(
      'the configuration has several monitors; name one: --monitor log or other\n',
    );
    expect(unknown).toMatchObject({ code: 4, stdout: '' });
    expect(unknown.stderr).toContain(
      'no monitor is named "othr" (did you mean other?); there are: log, other\n',
    );
    expect(other.stdout).toContain('auth-failure-spike');
    expect(other.stdout).not.toContain('unregistered-geolocation');
  });

  test.each([
    ['nothing.yaml', 'version: 1\n', 'the configuration has no monitors, so there are no rules to judge by'],
    [
      'bad.yaml',
      CONFIG.replace('[DE]', '[Germany]'),
      'bad.yaml:11:20  monitors.log.geolocations[0]  expected a country',
    ],
  ])('of %s are not to be had, and that is told', async (name, text, message) => {
    await file(name, text);
    const { code, stdout, stderr } = await backtest(['--config', name, 'day.ndjson']);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('are needed', async () => {
    const { code, stderr } = await cli(['backtest', 'day.ndjson'], { cwd: join(folder, '..') });
    expect(stderr).toContain('no configuration found: no --config, no $KEYWARDEN_CONFIG');
    expect(code).toBe(2);
  });

  test('hold without a country database where that cannot be read', async () => {
    const path = join(folder, 'country.mmdb');
    await file(
      'geoip.yaml',
      CONFIG.replace('geolocations: [DE]\n', 'geolocations: [DE]\n    geoip: { database: ./country.mmdb }\n'),
    );
    const { code, stdout, stderr } = await backtest(['--config', 'geoip.yaml', 'day.ndjson']);
    expect(stderr).toContain(`warning: cannot read the country database ${path}: it is not there`);
    expect(stdout).toContain('unregistered-geolocation');
    expect(code).toBe(0);
  });
});

test.each([
  ['critical', 'day.ndjson', 5],
  ['info', 'day.ndjson', 5],
  ['info', 'quiet.ndjson', 0],
  ['critical', 'stray.ndjson', 0],
  ['warning', 'stray.ndjson', 5],
])('--fail-on %s over %s ends with %i', async (severity, name, code) => {
  await file('quiet.ndjson', ndjson(usual(NINE, NINE + HOUR)));
  await file('stray.ndjson', ndjson(usual(NINE, NINE + HOUR, { keyId: 'key_stray' })));
  expect((await backtest(['--fail-on', severity, name])).code).toBe(code);
});

test('--explain shows how the findings on one key were judged, and says where there is no such key', async () => {
  const [spike, json, stranger] = await Promise.all([
    backtest(['--explain', 'key_9Xc1', 'day.ndjson']),
    backtest(['--explain', 'key_9Xc1', '--json', 'day.ndjson']),
    backtest(['--explain', 'key_8', 'day.ndjson']),
  ]);
  expect(spike.stdout).toMatch(/^dispersion [\d.e+-]+: the variance of what is usual/m);
  expect(spike.stdout).toMatch(/^WINDOW +SEEN +EXPECTED +CHANCE +ALLOWED/m);
  expect(spike.stdout).toMatch(/ told$/m);
  expect(spike.stdout).toContain('\nA longer window may show fewer than a shorter one: ');
  const [first] = objects(json);
  expect(first?.why).toMatchObject({ dispersion: expect.any(Number), windows: expect.any(Array) });
  expect(stranger.stdout).toBe('No findings.\n');
  expect(stranger.stderr).toContain('warning: no event in the log bears the key "key_8"\n');
});

test('--labels tells what was found how soon, what was missed, and whom a benign episode disturbed', async () => {
  const label = (episode: string, over: object) =>
    JSON.stringify({
      episode,
      kinds: ['auth-failure-spike'],
      keyId: 'key_9Xc1',
      ips: ['198.51.100.77'],
      from: formatTime(NINE + 6 * HOUR),
      to: formatTime(NINE + 6 * HOUR + MINUTE),
      benign: false,
      ...over,
    });
  const lines = [
    label('guessing', {}),
    label('never', { ips: ['192.0.2.1'] }),
    label('a trip', {
      kinds: ['unregistered-geolocation'],
      ips: ['198.51.100.9'],
      from: formatTime(NINE + 7 * HOUR - 1),
      to: formatTime(NINE + 7 * HOUR),
      benign: true,
    }),
  ];
  await file('labels.ndjson', lines.join('\n'));
  const { code, stdout } = await backtest(['--labels', 'labels.ndjson', 'day.ndjson']);
  expect(stdout).toMatch(/^guessing +auth-failure-spike +1m +1$/m);
  expect(stdout).toMatch(/^never +missed +- +0$/m);
  expect(stdout).toContain('recall     1 of 2 (50.0 %) episodes found\n');
  expect(stdout).toContain('precision  1 of 2 (50.0 %) pages about a labelled attack\n');
  expect(stdout).toContain('missed: never\nbenign and paged: a trip\n');
  expect(code).toBe(0);
  await file('wrong.ndjson', `${lines[0]}\n{"episode": "x"}\n`);
  const wrong = await backtest(['--labels', 'wrong.ndjson', 'day.ndjson']);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('--labels: wrong.ndjson:2 is no label; expected {"episode": "…"');
});

test('--tune tells pages a month at several budgets, from standard input too', async () => {
  const whole = ndjson([...usual(NINE, NINE + 9 * HOUR), ...guessing, ...abroad]);
  const [table, json] = await Promise.all([
    backtest(['--tune', '-'], whole),
    backtest(['--tune', '--budgets', '0.1,0.2', '--json', 'day.ndjson']),
  ]);
  expect(table.stdout).toMatch(/^PAGES A MONTH +0\.02 +0\.1 +0\.2\* +1 +5$/m);
  expect(table.stdout).toMatch(/^auth-failure-spike +\d+ +\d+ +\d+ +\d+ +\d+$/m);
  expect(table.stdout).toContain('2 keys in the log; from 0.37 days of log, so take it for an estimate.');
  expect(objects(json)).toMatchObject([
    { falseAlarmsPerKeyYear: 0.1, pagesPerMonth: { 'auth-failure-spike': expect.any(Number) } },
    { falseAlarmsPerKeyYear: 0.2 },
  ]);
  expect([table.code, json.code]).toEqual([0, 0]);
});

test('on a terminal a bar shows how far it is, and is gone at the end', async () => {
  const { ended } = onTerminal(['backtest', 'day.ndjson'], { cwd: folder });
  const { code, screen } = await ended;
  expect(screen).toMatch(/\[█+ *\] +\d+ % {2}\d+ events {2}[\d,]+ a second/);
  expect(screen.indexOf('\r\u001b[2K170 events from')).toBeGreaterThan(0);
  expect(code).toBe(0);
});
