import { expect, test } from 'vitest';
import { DAY } from '../model/index.ts';
import { renderFault } from './fault.ts';
import { BASE, changed, readText } from './testing/base.ts';

/** What is loaded of the log, and what is said about it. */
async function monitorOf(text: string) {
  const { config, faults, warnings } = await readText(text);
  expect(faults.map(renderFault)).toEqual([]);
  return { monitor: config?.monitors.log, warnings: warnings.map(renderFault) };
}

const withDetector = (text: string) => changed('      log-silence: { after: 15m }', `      ${text}`);

test('countries are listed or learnt', async () => {
  const listed = (await monitorOf(BASE)).monitor?.rules;
  expect([listed?.geolocations, listed?.learn]).toEqual([['DE'], null]);
  const { monitor, warnings } = await monitorOf(changed('[DE]', '{ learn: 14d }'));
  expect([monitor?.rules.geolocations, monitor?.rules.learn]).toEqual([null, 14 * DAY]);
  expect(warnings).toEqual([]);
});

test('without countries the detector is off, and it is said', async () => {
  const { monitor, warnings } = await monitorOf(changed('    geolocations: [DE]\n', ''));
  expect([monitor?.rules.geolocations, monitor?.rules.learn]).toEqual([null, null]);
  expect(warnings.join()).toContain('no geolocations: the detector unregistered-geolocation is off');
});

test('a country database is found from the file in which it stands', async () => {
  expect((await monitorOf(BASE)).monitor?.geoip).toBeNull();
  const geoip = async (path: string) => {
    const { monitor } = await monitorOf(
      changed('    detectors:', `    geoip: { database: ${path} }\n    detectors:`),
    );
    return monitor?.geoip?.database;
  };
  expect(await geoip('/srv/country.mmdb')).toBe('/srv/country.mmdb');
  expect(await geoip('./country.mmdb')).toMatch(/^\/.+\/keywarden-config-[^/]+\/country\.mmdb$/);
});

test.each([
  ['log-silence: {}', {}],
  ['log-silence: { respond: alert }', {}],
  ['log-silence: { respond: rotate }', { 'log-silence': ['critical', 'warning', 'info'] }],
  ['unknown-key: { respond: { critical: rotate, warning: alert } }', { 'unknown-key': ['critical'] }],
  ['new-client: { respond: { info: rotate, warning: rotate } }', { 'new-client': ['warning', 'info'] }],
  ['dormant-key: { after: 9d, respond: { info: alert } }', {}],
  ['outside-allowlist: false', {}],
])('%s rotates at these severities', async (text, rotate) => {
  expect((await monitorOf(withDetector(text))).monitor?.rules.rotate).toEqual(rotate);
});

test('a rotation of keys that a person makes is said to have no effect', async () => {
  const rotate = withDetector('unknown-key: { respond: { critical: rotate } }');
  expect((await monitorOf(rotate)).warnings).toEqual([]);
  const guided = changed('      overlap: 72h', '      mode: guided', rotate);
  expect((await monitorOf(guided)).warnings).toEqual([
    'keywarden.yaml:39:31  monitors.log.detectors.unknown-key.respond  rotates nothing of prod: a person makes those keys; the alert says so when it comes',
  ]);
});

test.each([
  ['respond: page', 'expected one of alert, rotate'],
  ['respond: { critical: page }', 'expected one of alert, rotate'],
  ['respond: { grave: rotate }', 'unknown key'],
])('%s is refused', async (text, said) => {
  const { faults } = await readText(withDetector(`unknown-key: { ${text} }`));
  expect(faults.map(renderFault).join()).toContain(said);
});

test('that the silence of a log rotates nothing is said', async () => {
  const { warnings } = await monitorOf(withDetector('log-silence: { respond: rotate }'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(
    'monitors.log.detectors.log-silence.respond  rotates nothing: the silence of a log is about no key',
  );
});

test('countries of single keys leave the others unwatched, and that is said', async () => {
  const only = '    otherKeys: { key_x: { owner: billing, geolocations: [US] }, key_y: { owner: web } }\n';
  const { warnings } = await monitorOf(changed('    geolocations: [DE]\n', only));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(
    'geolocations only for key_x: for prod, key_y the detector unregistered-geolocation is off',
  );
  const all = `${only.replace('{ owner: web }', '{ owner: web, retired: true }')}    perCredential: { prod: { geolocations: [DE] } }\n`;
  expect((await monitorOf(changed('    geolocations: [DE]\n', all))).warnings).toEqual([]);
});

test('a block that is written by an address within it is said to be the whole block', async () => {
  const lists = `    ipAllowlist: ["10.0.0.5/8", 10.0.0.0/8, 10.0.0.5, 10.0.0.5/32, "2001:db8::/32", "::ffff:10.0.0.0/104"]
    perCredential: { prod: { ipAllowlist: ["2001:db8::1/32"] } }
    otherKeys: { key_x: { owner: billing, ipAllowlist: [203.0.113.9/24] } }
`;
  const { warnings } = await monitorOf(changed('    ipAllowlist: ["203.0.113.0/24"]\n', lists));
  expect(warnings.map((text) => text.slice(text.indexOf('monitors.')))).toEqual([
    'monitors.log.ipAllowlist[0]  10.0.0.5/8 is the whole block around 10.0.0.5: what stands beyond its first 8 bits counts for nothing; for the one address write 10.0.0.5, for the block its first address',
    expect.stringMatching(/^monitors\.log\.perCredential\.prod\.ipAllowlist\[0\] {2}2001:db8::1\/32 is /),
    expect.stringMatching(/^monitors\.log\.otherKeys\.key_x\.ipAllowlist\[0\] {2}203\.0\.113\.9\/24 is /),
  ]);
});
