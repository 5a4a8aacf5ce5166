import { describe, expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { BASE, changed, readText } from './testing/base.ts';

/** A change to the faultless configuration, and every fault it makes: line, column, key path, what is said. */
const CASES: ReadonlyArray<{
  readonly change: ReadonlyArray<readonly [from: string, to: string]>;
  readonly faults: readonly string[];
}> = [
  {
    change: [['    provider: second', '    provider: second\n    secret: { env: FIRST_KEY }']],
    faults: [
      "32:13  credentials.other.secret  is the first key of prod too: the rotation of either would end the other's; give each a key of its own, or publish one credential to all places",
    ],
  },
  {
    change: [['every: 90d', 'evry: 90d']],
    faults: ['24:7  credentials.prod.rotation.evry  unknown key; did you mean "every"?'],
  },
  {
    change: [['every: 90d', 'every: ninety days']],
    faults: [
      '24:14  credentials.prod.rotation.every  expected a duration such as 90d, 72h, 15m, 30s or 1d12h, found "ninety days"',
    ],
  },
  {
    change: [['every: 90d', 'every: 90']],
    faults: [
      '24:14  credentials.prod.rotation.every  expected a duration such as 90d, 72h, 15m, 30s or 1d12h, found 90',
    ],
  },
  {
    change: [['every: 90d', 'every: 72h']],
    faults: [
      '25:16  credentials.prod.rotation.overlap  expected a duration shorter than every (3d), found 3d',
    ],
  },
  {
    change: [['every: 90d', 'every:']],
    faults: [
      '24:7  credentials.prod.rotation.every  expected a duration such as 90d, 72h, 15m, 30s or 1d12h, found no value; the key has no value: give it one or remove it',
    ],
  },
  {
    change: [['overlap: 72h', 'overlap: 1m']],
    faults: [
      '25:16  credentials.prod.rotation.overlap  expected a duration longer than settle.budget (2m), found 1m',
    ],
  },
  {
    change: [['overlap: 72h', 'jitter: 91d']],
    faults: [
      '25:15  credentials.prod.rotation.jitter  expected a duration shorter than every (90d), found 91d',
    ],
  },
  {
    change: [['overlap: 72h', 'issuedAt: 2026-02-30']],
    faults: [
      '25:17  credentials.prod.rotation.issuedAt  expected a date or time such as 2026-10-01 or 2026-10-01T09:00:00Z, found "2026-02-30"',
    ],
  },
  {
    change: [['overlap: 72h', 'first: later']],
    faults: ['25:14  credentials.prod.rotation.first  expected one of scheduled, now, found "later"'],
  },
  {
    change: [['overlap: 72h', 'window: "Mo 09:00-16:00 Europe/Berlin"']],
    faults: [
      '25:15  credentials.prod.rotation.window  expected a window such as "Mon-Tue 09:00-16:00 Europe/Berlin" or "Mon,Wed 22:00-02:00 UTC", found "Mo 09:00-16:00 Europe/Berlin"',
    ],
  },
  {
    change: [['overlap: 72h', 'window: "Mon 09:00-16:00 Europe/Berlim"']],
    faults: [
      '25:15  credentials.prod.rotation.window  expected a window such as "Mon-Tue 09:00-16:00 Europe/Berlin" or "Mon,Wed 22:00-02:00 UTC", found "Mon 09:00-16:00 Europe/Berlim"; its time zone is not known',
    ],
  },
  {
    change: [['overlap: 72h', 'window: "Wed-Thu 09:00-16:00 UTC"']],
    faults: [
      '25:15  credentials.prod.rotation.window  never fits: an overlap of 3d from then would always end on a weekend; move the window or set overlapEnd: any',
    ],
  },
  {
    change: [['every: 90d\n      overlap: 72h', 'every: 5d\n      window: "Mon 09:00-16:00 UTC"']],
    faults: [
      '25:15  credentials.prod.rotation.window  opens only every 7d, too seldom to rotate every 5d; add days to the window or lengthen every',
    ],
  },
  {
    change: [['overlap: 72h', 'remindBefore: [3d]']],
    faults: ['25:21  credentials.prod.rotation.remindBefore  stands beside mode: guided only'],
  },
  {
    change: [['    publish:\n', '    publish: vault\n    stragglers:\n']],
    faults: [
      '26:14  credentials.prod.publish  expected a list, found a string of 5 characters',
      '28:7  credentials.prod.stragglers  expected a mapping, found a list',
    ],
  },
  {
    change: [['store: vault, path', 'store: valt, path']],
    faults: ['27:18  credentials.prod.publish[0].store  no store is named "valt"; did you mean "vault"?'],
  },
  {
    change: [['path: app/frameflow', 'path: ../frameflow']],
    faults: [
      '27:31  credentials.prod.publish[0].path  expected a path such as footage/frameflow: letters, digits, "_", "-", "." but no "..", parts divided by single "/", found "../frameflow"',
    ],
  },
  {
    change: [['path: app/frameflow, ', '']],
    faults: ['27:9  credentials.prod.publish[0].path  missing; expected text'],
  },
  {
    change: [['path: app/frameflow', 'secretId: app/frameflow']],
    faults: [
      '27:9  credentials.prod.publish[0].path  missing; expected text',
      '27:25  credentials.prod.publish[0].secretId  unknown key; known here: store, path, field, required, consumerLag, onChange',
    ],
  },
  {
    change: [['secretId: app/frameflow, field: api_key', 'secretId: app/frameflow, fild: api_key']],
    faults: ['28:48  credentials.prod.publish[1].fild  unknown key; did you mean "field"?'],
  },
  {
    change: [
      ['{ file: ./app.env, format: dotenv, variable: API_KEY }', '{ file: ./app.env, format: dotenv }'],
    ],
    faults: [
      '29:9  credentials.prod.publish[2].variable  missing; expected variable: NAME beside format: dotenv',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API-KEY }']],
    faults: ['29:54  credentials.prod.publish[2].variable  expected the name of a variable, found "API-KEY"'],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, mode: 0600 }']],
    faults: [
      '29:69  credentials.prod.publish[2].mode  expected a file mode in quotes, such as "0600", found 600',
    ],
  },
  {
    change: [['{ file: ./app.env, format', '{ file: ./app.env, store: vault, format']],
    faults: ['29:28  credentials.prod.publish[2]  names a file and a store: an entry is one of the two'],
  },
  {
    change: [['{ file: ./app.env, format', '{ format']],
    faults: ['29:9  credentials.prod.publish[2]  missing; expected store: NAME or file: PATH'],
  },
  {
    change: [['- { file: ./app.env, format: dotenv, variable: API_KEY }', '- ./app.env']],
    faults: [
      '29:9  credentials.prod.publish[2]  expected a mapping with store: NAME or file: PATH, found a string of 9 characters',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, consumerLag: 72h }']],
    faults: [
      '29:76  credentials.prod.publish[2].consumerLag  expected a duration shorter than the overlap (3d), found 3d',
    ],
  },
  {
    change: [
      [
        '    provider: second',
        '    provider: second\n    publish: [{ file: ./app.env, format: dotenv, variable: API_KEY }]',
      ],
    ],
    faults: [
      '32:15  credentials.other.publish[0]  publishes to the same place as prod at keywarden.yaml:29; one of the two would overwrite the other',
    ],
  },
  {
    change: [
      [
        '    provider: second',
        '    provider: second\n    publish: [{ store: aws, secretId: app/frameflow }]',
      ],
    ],
    faults: [
      '32:15  credentials.other.publish[0]  publishes to the same place as prod at keywarden.yaml:28; one of the two would overwrite the other',
    ],
  },
  {
    change: [
      [
        '    provider: second',
        '    provider: second\n    publish: [{ file: ./app.env, format: dotenv, variable: TWO, mode: "0640" }]',
      ],
    ],
    faults: [
      '32:15  credentials.other.publish[0]  gives the file another format, template, mode, uid or gid than prod at keywarden.yaml:29; say the same in both',
    ],
  },
  {
    change: [['variable: API_KEY }', 'variable: API_KEY, onChange: { exec: reload } }']],
    faults: [
      '29:81  credentials.prod.publish[2].onChange.exec  expected a list, found a string of 6 characters',
    ],
  },
];

describe('a faulty credential is refused', () => {
  test.each(CASES)('$faults.0', async ({ change, faults }) => {
    const text = change.reduce((base, [from, to]) => changed(from, to, base), BASE);
    const reading = await readText(text);
    expect(reading.faults.map(renderFault)).toEqual(faults.map((fault) => `keywarden.yaml:${fault}`));
    expect(reading.config).toBeNull();
  });
});
