import { describe, expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { BASE, changed, readText } from './testing/base.ts';

/** {@link BASE} with `other` a credential of StockFlow. */
const GUIDED = changed('  second:\n    kind: frameflow', '  second:\n    kind: stockflow');

const rotation = (...lines: string[]): readonly [string, string] => [
  '    provider: second',
  ['    provider: second', '    rotation:', ...lines.map((line) => `      ${line}`)].join('\n'),
];

const REVOKED = 'in guided rotation a person makes each key and says when the old one was revoked; remove it';

/** Changes to {@link GUIDED}, and every fault they make: line, column, key path, what is said. */
const CASES: ReadonlyArray<{
  readonly change: ReadonlyArray<readonly [from: string, to: string]>;
  readonly faults: readonly string[];
}> = [
  {
    change: [rotation('mode: automatic')],
    faults: [
      '33:13  credentials.other.rotation.mode  keys of kind stockflow are made by a person: Keywarden cannot mint them; write mode: guided, or leave it out',
    ],
  },
  {
    change: [
      rotation(
        'overlap: 72h',
        'first: now',
        'jitter: 6h',
        'window: "Mon 09:00-16:00 UTC"',
        'overlapEnd: any',
      ),
    ],
    faults: [
      `33:16  credentials.other.rotation.overlap  stands beside mode: automatic only; ${REVOKED}`,
      `34:14  credentials.other.rotation.first  stands beside mode: automatic only; ${REVOKED}`,
      `35:15  credentials.other.rotation.jitter  stands beside mode: automatic only; ${REVOKED}`,
      `36:15  credentials.other.rotation.window  stands beside mode: automatic only; ${REVOKED}`,
      `37:19  credentials.other.rotation.overlapEnd  stands beside mode: automatic only; ${REVOKED}`,
    ],
  },
  {
    change: [['every: 90d\n      overlap: 72h', 'mode: guided\n      overlap: 72h']],
    faults: [`25:16  credentials.prod.rotation.overlap  stands beside mode: automatic only; ${REVOKED}`],
  },
  {
    change: [rotation('every: 10d', 'remindBefore: [3d, 10d, 14d]')],
    faults: [
      '34:26  credentials.other.rotation.remindBefore[1]  expected a duration shorter than every (10d), found 10d',
      '34:31  credentials.other.rotation.remindBefore[2]  expected a duration shorter than every (10d), found 14d',
    ],
  },
  {
    change: [
      ['    provider: second', '    provider: second\n    keepAlive: off'],
      [
        '    keepAlive: off',
        '    keepAlive: off\n    rotation:\n      every: 400d\n      remindBefore: [89d, 90d]',
      ],
    ],
    faults: [
      '35:27  credentials.other.rotation.remindBefore[1]  expected a duration shorter than the inactivity that ends a key (90d), found 90d',
    ],
  },
  {
    change: [rotation('remindBefore: 3d')],
    faults: [
      '33:21  credentials.other.rotation.remindBefore  expected a list, found a string of 2 characters',
    ],
  },
  {
    change: [rotation('mode: guidd')],
    faults: [
      '33:13  credentials.other.rotation.mode  expected one of automatic, guided, found "guidd"; did you mean "guided"?',
    ],
  },
  {
    change: [['    provider: second', '    provider: second\n    keepAlive: 90d']],
    faults: [
      '32:16  credentials.other.keepAlive  expected a duration of at most 89d (a key unused for 90d ends), or off, found 90d',
    ],
  },
  {
    change: [['    provider: second', '    provider: second\n    keepAlive: true']],
    faults: ['32:16  credentials.other.keepAlive  expected a duration such as 60d, or off, found true'],
  },
  {
    change: [['    secret: { env: FIRST_KEY }', '    secret: { env: FIRST_KEY }\n    keepAlive: 60d']],
    faults: ['23:16  credentials.prod.keepAlive  keys of kind frameflow do not end by inactivity; remove it'],
  },
  {
    change: [['    provider: second', '    provider: second\n    stragglers: { warnBefore: [24h] }']],
    faults: [
      '32:5  credentials.other.stragglers  providers of kind stockflow have no log in which users of the old key could be seen; remove it',
    ],
  },
  {
    change: [['    publish:\n', '    stragglers: { warnBefore: [24h, 72h] }\n    publish:\n']],
    faults: [
      '26:37  credentials.prod.stragglers.warnBefore[1]  expected a duration shorter than the overlap (3d), found 3d',
    ],
  },
  {
    change: [['    publish:\n', '    stragglers: { warnBefore: [] }\n    publish:\n']],
    faults: [
      '26:31  credentials.prod.stragglers.warnBefore  expected a list of at least 1 entry, found an empty list',
    ],
  },
  {
    change: [['    publish:\n', '    drift: { check: 0s, onDrift: repair, every: 1h }\n    publish:\n']],
    faults: [
      '26:21  credentials.prod.drift.check  expected a duration longer than nothing, found "0s"',
      '26:34  credentials.prod.drift.onDrift  expected one of alert, overwrite, found "repair"',
      '26:42  credentials.prod.drift.every  unknown key; known here: check, onDrift',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, onChange: { exc: [reload] } }']],
    faults: [
      '29:73  credentials.prod.publish[2].onChange  expected a hook: { exec: [COMMAND, …] }, { signal: NAME, pidFile: PATH } or { http: { url: … } }, found a mapping',
    ],
  },
  {
    change: [
      [
        'variable: API_KEY }',
        'variable: API-KEY, onChange: { exec: [reload], signal: SIGHUP, pidFile: app.pid } }',
      ],
    ],
    faults: [
      '29:54  credentials.prod.publish[2].variable  expected the name of a variable, found "API-KEY"',
      '29:91  credentials.prod.publish[2].onChange  names exec and signal: a hook is one of them',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, onChange: { signal: SIGHUP } }']],
    faults: ['29:63  credentials.prod.publish[2].onChange.pidFile  missing; expected text'],
  },
  {
    change: [
      ['variable: API_KEY }', 'variable: API_KEY, onChange: { http: { url: "http://app/reload" } } }'],
    ],
    faults: [
      '29:88  credentials.prod.publish[2].onChange.http.url  expected https://; plain http is refused, found "http://app"',
    ],
  },
  {
    change: [
      [
        'variable: API_KEY }',
        'variable: API_KEY, onChange: { http: { url: "http://127.0.0.1/reload", allowPlaintextLoopback: false } } }',
      ],
    ],
    faults: [
      '29:88  credentials.prod.publish[2].onChange.http.url  expected https://, or allowPlaintextLoopback: true beside a loopback address, found "http://127.0.0.1"',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, onChange: { exec: [./reload.sh] } }']],
    faults: [
      '29:82  credentials.prod.publish[2].onChange.exec[0]  expected a command by its name (looked for in PATH) or by its absolute path, found "./reload.sh"',
    ],
  },
  {
    change: [
      ['    provider: frameflow\n    credential: prod', '    provider: second\n    credential: other'],
    ],
    faults: [
      '34:15  monitors.log.provider  providers of kind stockflow have no log: there is nothing to watch; remove this monitor',
    ],
  },
];

describe('a life that a credential cannot have is refused', () => {
  test.each(CASES)('$faults.0', async ({ change, faults }) => {
    const text = change.reduce((base, [from, to]) => changed(from, to, base), GUIDED);
    const reading = await readText(text);
    expect(reading.faults.map(renderFault)).toEqual(faults.map((fault) => `keywarden.yaml:${fault}`));
    expect(reading.config).toBeNull();
  });
});

test('where a person revokes the old key, no duration has to fit into an overlap', async () => {
  const text = changed(
    '    provider: second',
    `    provider: second
    rotation: { every: 2d, remindBefore: [1d] }
    publish: [{ store: vault, path: app/stockflow, field: api_key, consumerLag: 4d }]`,
    GUIDED,
  );
  expect((await readText(text)).faults).toEqual([]);
});

test('stragglers that no monitor would see are a warning', async () => {
  const seen = changed('    publish:\n', '    stragglers: { warnBefore: [24h] }\n    publish:\n', GUIDED);
  expect((await readText(seen)).warnings).toEqual([]);
  const unseen = seen.slice(0, seen.indexOf('monitors:')) + seen.slice(seen.indexOf('alerts:'));
  expect((await readText(unseen)).warnings.map(renderFault)).toEqual([
    'keywarden.yaml:26:5  credentials.prod.stragglers  no monitor reads the log of frameflow: users of the old key are not seen; add a monitor of this provider',
  ]);
});
