import { expect, test } from 'vitest';
import { ConfigError, renderFault } from './fault.ts';
import type { Reading } from './load.ts';
import { BASE, changed, ENV, readText } from './testing/base.ts';

const PLANTED = 'ff_live_8x9a2bPLANTEDq7w';

/** Everything that anyone could print of a reading. */
function output({ faults, warnings, unsupported }: Reading): string {
  const all = [...faults, ...warnings, ...unsupported];
  return [JSON.stringify(all), new ConfigError(faults, unsupported).stack, ...all.map(renderFault)].join(
    '\n',
  );
}

const PLACES: ReadonlyArray<readonly [from: string, to: string]> = [
  ['secret: { env: FIRST_KEY }', `secret: ${PLANTED}`],
  ['secret: { env: FIRST_KEY }', `secret: "${PLANTED}`],
  ['secret: { env: FIRST_KEY }', `secret: { value: ${PLANTED} }`],
  ['secret: { env: FIRST_KEY }', `secret: { ${PLANTED}: x }`],
  ['secret: { env: FIRST_KEY }', `secret: [${PLANTED}]`],
  ['secret: { env: FIRST_KEY }', `secret: { env: ${PLANTED} }`],
  ['secret: { env: FIRST_KEY }', `secret: { env: "${PLANTED} " }`],
  ['secret: { env: FIRST_KEY }', `secret: { file: ${PLANTED} }`],
  ['secret: { env: FIRST_KEY }', `keyId: ${PLANTED}`],
  ['secret: { env: FIRST_KEY }', `secrt: ${PLANTED}`],
  ['secret: { env: FIRST_KEY }', `${PLANTED}: x`],
  ['secret: { env: FIRST_KEY }', `secret: *${PLANTED}`],
  ['secret: { env: FIRST_KEY }', `secret: !${PLANTED} x`],
  ['    - { env: MASTER_KEY }', `    - ${PLANTED}`],
  ['  encryptionKeys:\n    - { env: MASTER_KEY }', `  encryptionKeys: ${PLANTED}`],
  ['  directory: ./state', `  database: postgres://kw:${PLANTED}@db/kw`],
  ['auth: { method: token, token: { env: VAULT_TOKEN } }', `auth: ${PLANTED}`],
  ['token: { env: VAULT_TOKEN }', `token: ${PLANTED}`],
  ['method: token', `method: ${PLANTED}`],
  ['https://vault.internal:8200', `https://kw:${PLANTED}@vault.internal`],
  ['https://vault.internal:8200', `http://vault.internal/?token=${PLANTED}`],
  ['    tier: pro', `    tier: ${PLANTED}`],
  ['    tier: pro', `    timeout: ${PLANTED}`],
  ['provider: second', `provider: ${PLANTED}`],
  ['  other:', `  ${PLANTED}:`],
  ['store: vault, path', `store: ${PLANTED}, path`],
  ['field: api_key }\n      - { store: aws', `field: "${PLANTED}/"  }\n      - { store: aws`],
  ['- { file: ./app.env, format: dotenv, variable: API_KEY }', `- ${PLANTED}`],
  [
    'variable: API_KEY }',
    `variable: API_KEY, onChange: { http: { url: "https://x", headers: { Authorization: ${PLANTED} } } } }`,
  ],
  ['variable: API_KEY }', `variable: API_KEY, onChange: ${PLANTED} }`],
  ['variable: API_KEY }', `variable: API_KEY, onChange: { exec: [curl, [${PLANTED}]] } }`],
  ['variable: API_KEY }', `variable: API_KEY, onChange: { http: { url: "http://app/PLANTED" } } }`],
  ['    publish:\n', `    keepAlive: ${PLANTED}\n    drift: { check: ${PLANTED} }\n    publish:\n`],
  ['overlap: 72h', `mode: ${PLANTED}\n      remindBefore: [${PLANTED}]`],
  ['webhookUrl: { env: SLACK_URL }', `webhookUrl: https://hooks.slack.com/services/${PLANTED}`],
  ['routingKey: { env: ROUTING_KEY }', `routingKey: ${PLANTED}`],
  ['secret: { env: ADMIN_TOKEN }', `secret: [${PLANTED}, ${PLANTED}]`],
  ['channels: [team]', `channels: [${PLANTED}]`],
  ['level: info', `level: ${PLANTED}`],
  ['log: {', `schedule: { reconcile: ${PLANTED}, timezone: ${PLANTED} }\nlog: {`],
];

test.each(PLACES)('a secret written in the wrong place is refused and never shown: %#', async (from, to) => {
  const reading = await readText(changed(from, to));
  expect(reading.faults.length).toBeGreaterThan(0);
  expect(output(reading)).not.toContain('PLANTED');
});

test('short secrets without any form are not shown where a secret was expected', async () => {
  const text = changed('secret: { env: FIRST_KEY }', 'secret: hunter2')
    .replace('{ env: SLACK_URL }', '{ env: hunter2 }')
    .replace('{ env: ROUTING_KEY }', '{ env: hunter-2 }')
    .replace('{ method: token, token: { env: VAULT_TOKEN } }', 'hunter2');
  const reading = await readText(text);
  expect(reading.faults.map(({ keyPath, found }) => `${keyPath}: ${found}`)).toEqual([
    'stores.vault.auth: a string of 7 characters',
    'credentials.prod.secret: a string of 7 characters',
    'alerts.channels.team.webhookUrl: null',
    'alerts.channels.oncall.routingKey.env: a string of 8 characters',
  ]);
  expect(output(reading)).not.toContain('hunter');
});

test('the value of a reference is never part of a fault, a warning or the configuration', async () => {
  const env = { ...ENV, MASTER_KEY: PLANTED, FIRST_KEY: PLANTED };
  const reading = await readText(changed('log: {', 'lgo: {'), env);
  expect(reading.faults.map(({ keyPath }) => keyPath)).toEqual(['state.encryptionKeys[0]', 'lgo']);
  expect(output(reading)).not.toContain('PLANTED');
  const good = await readText(BASE, { ...ENV, FIRST_KEY: PLANTED });
  expect(JSON.stringify(good.config)).not.toContain('PLANTED');
  expect((await good.config?.credentials.prod?.secret?.read())?.reveal()).toBe(PLANTED);
});
