import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { renderFault } from './fault.ts';
import { loadConfig } from './load.ts';
import { BASE, changed, ENV, inFolder, readText } from './testing/base.ts';
import type { CredentialConfig, DestinationConfig } from './types.ts';

const GUIDED = changed('  second:\n    kind: frameflow', '  second:\n    kind: stockflow');

async function credential(name: string, text: string): Promise<CredentialConfig> {
  const { config, faults } = await readText(text);
  expect(faults.map(renderFault)).toEqual([]);
  const found = config?.credentials[name];
  if (found === undefined) throw new Error(`no credential ${name}`);
  return found;
}

const withLines = (...lines: string[]) =>
  changed(
    '    provider: second',
    ['    provider: second', ...lines.map((line) => `    ${line}`)].join('\n'),
    GUIDED,
  );

test('keys that the provider does not make itself are guided, with reminders and kept alive', async () => {
  const { rotation } = await credential('other', GUIDED);
  expect(rotation).toMatchObject({
    mode: 'guided',
    remindBefore: [14 * DAY, 3 * DAY],
    inactivity: 90 * DAY,
    keepAlive: 60 * DAY,
    every: 90 * DAY,
  });
});

test('keys that the provider makes may be guided all the same, and are not kept alive', async () => {
  const { rotation } = await credential('prod', changed('overlap: 72h', 'mode: guided', GUIDED));
  expect(rotation).toMatchObject({ mode: 'guided', inactivity: null, keepAlive: null });
});

test('reminders are sorted, the longest first, each once; none is no reminder', async () => {
  const of = async (list: string) =>
    (await credential('other', withLines(`rotation: { remindBefore: ${list} }`))).rotation.remindBefore;
  expect(await of('[3d, 30d, 72h, 14d]')).toEqual([30 * DAY, 14 * DAY, 3 * DAY]);
  expect(await of('[]')).toEqual([]);
});

test('a default reminder or warning that would come before the beginning falls away', async () => {
  const { rotation } = await credential('other', withLines('rotation: { every: 14d }'));
  expect(rotation.remindBefore).toEqual([3 * DAY]);
  const short = await credential('prod', changed('overlap: 72h', 'overlap: 24h', GUIDED));
  expect(short.rotation.warnBefore).toEqual([6 * HOUR]);
});

test.each([
  ['60d', 60 * DAY],
  ['89d', 89 * DAY],
  ['off', null],
  ['"off"', null],
  ['false', null],
])('keepAlive: %s', async (text, keepAlive) => {
  expect((await credential('other', withLines(`keepAlive: ${text}`))).rotation.keepAlive).toBe(keepAlive);
});

test('stragglers and drift are as they are written', async () => {
  const text = changed(
    '    publish:\n',
    '    drift: { check: 15m, onDrift: overwrite }\n    stragglers: { warnBefore: [6h, 48h, 6h] }\n    publish:\n',
  );
  const { drift, rotation } = await credential('prod', text);
  expect(drift).toEqual({ check: 15 * MINUTE, onDrift: 'overwrite' });
  expect(rotation.warnBefore).toEqual([48 * HOUR, 6 * HOUR]);
});

/** The file destination of `prod` with this hook, as it is loaded, and the folder of the configuration. */
async function hooked(hook: string): Promise<{ destination: DestinationConfig | undefined; cwd: string }> {
  return inFolder(async (cwd) => {
    const text = changed('variable: API_KEY }', `variable: API_KEY, onChange: ${hook} }`);
    await writeFile(join(cwd, 'keywarden.yaml'), text);
    const { config } = await loadConfig({ env: ENV, cwd });
    return { destination: config.credentials.prod?.destinations.at(-1), cwd };
  });
}

test('a destination without a hook has none, and no hook is part of its target', async () => {
  const { destinations } = await credential('prod', BASE);
  expect(destinations.map(({ onChange }) => onChange)).toEqual([null, null, null]);
  const { destination } = await hooked('{ exec: [systemctl, reload, footage] }');
  expect(Object.keys(destination?.target ?? {})).toEqual(['file', 'format', 'variable', 'mode']);
});

test('a hook that runs a command', async () => {
  const { destination } = await hooked('{ exec: ["systemctl", "reload", "footage"], timeout: 5s }');
  expect(destination?.onChange).toEqual({
    kind: 'exec',
    exec: ['systemctl', 'reload', 'footage'],
    timeout: 5 * SECOND,
  });
});

test('a hook that sends a signal; its pid file is looked for beside the configuration', async () => {
  const { destination, cwd } = await hooked('{ signal: SIGHUP, pidFile: ./run/app.pid }');
  expect(destination?.onChange).toEqual({
    kind: 'signal',
    signal: 'SIGHUP',
    pidFile: join(cwd, 'run/app.pid'),
  });
});

test('a hook that makes a call; its headers are secrets that can be read', async () => {
  const { destination } = await hooked(
    '{ http: { url: "https://app.internal/reload", headers: { Authorization: { env: ADMIN_TOKEN } } } }',
  );
  const hook = destination?.onChange;
  expect(hook).toMatchObject({ kind: 'http', http: { url: 'https://app.internal/reload', method: 'POST' } });
  const header = hook?.kind === 'http' ? hook.http.headers?.Authorization : undefined;
  expect((await header?.read())?.reveal()).toBe(ENV.ADMIN_TOKEN);
});

test('a hook may call this machine without TLS, and trusts the authority that is named beside it', async () => {
  const { destination, cwd } = await hooked(
    '{ http: { url: "http://127.0.0.1:8080/reload", tls: { caFile: ./ca.pem } } }',
  );
  expect(destination?.onChange).toMatchObject({
    http: { allowPlaintextLoopback: true, tls: { caFile: join(cwd, 'ca.pem') } },
  });
});

test('a header whose variable is not set is a fault where it stands', async () => {
  const text = changed(
    'variable: API_KEY }',
    'variable: API_KEY, onChange: { http: { url: "https://x", headers: { Authorization: { env: GONE } } } } }',
  );
  expect((await readText(text)).faults.map(renderFault)).toEqual([
    'keywarden.yaml:29:127  credentials.prod.publish[2].onChange.http.headers.Authorization  the environment variable GONE is not set',
  ]);
});
