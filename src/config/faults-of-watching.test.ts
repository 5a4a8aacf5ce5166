import { describe, expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { BASE, changed, readText } from './testing/base.ts';

/** A change to the faultless configuration, and every fault it makes: line, column, key path, what is said. */
const CASES: ReadonlyArray<{
  readonly change: ReadonlyArray<readonly [from: string, to: string]>;
  readonly faults: readonly string[];
}> = [
  {
    change: [['    credential: prod', '    credential: prd']],
    faults: ['35:17  monitors.log.credential  no credential is named "prd"; did you mean "prod"?'],
  },
  {
    change: [['    credential: prod', '    credential: other']],
    faults: ["35:17  monitors.log.credential  other is a credential of second, this log is frameflow's"],
  },
  {
    change: [['[DE]', '[UK]']],
    faults: [
      '36:20  monitors.log.geolocations[0]  expected a country of ISO 3166-1 alpha-2 such as DE, found "UK"; did you mean "GB"?',
    ],
  },
  {
    change: [['[DE]', '[Germany]']],
    faults: [
      '36:20  monitors.log.geolocations[0]  expected a country of ISO 3166-1 alpha-2 such as DE, found "Germany"',
    ],
  },
  {
    change: [['[DE]', '[]']],
    faults: ['36:19  monitors.log.geolocations  expected a list of at least 1 entry, found an empty list'],
  },
  {
    change: [['203.0.113.0/24', '203.0.113.0/33']],
    faults: [
      '37:19  monitors.log.ipAllowlist[0]  expected a block of addresses such as 203.0.113.0/24 or 2001:db8::/32, found "203.0.113.0/33"',
    ],
  },
  {
    change: [['    geolocations: [DE]', '    perCredential: { prd: { geolocations: [DE] } }']],
    faults: ['36:22  monitors.log.perCredential.prd  no credential is named "prd"; did you mean "prod"?'],
  },
  {
    change: [['    geolocations: [DE]', '    otherKeys: { key_1: { geolocations: [DE] } }']],
    faults: ['36:18  monitors.log.otherKeys.key_1.owner  missing; expected text'],
  },
  {
    change: [['log-silence: {', 'log-silense: {']],
    faults: ['39:7  monitors.log.detectors.log-silense  unknown key; did you mean "log-silence"?'],
  },
  {
    change: [['after: 15m', 'aftr: 15m']],
    faults: ['39:22  monitors.log.detectors.log-silence.aftr  unknown key; did you mean "after"?'],
  },
  {
    change: [['log-silence: { after: 15m }', 'log-silence: 15m']],
    faults: ['39:20  monitors.log.detectors.log-silence  expected true or false or a mapping, found "15m"'],
  },
  {
    change: [
      ['webhookUrl: { env: SLACK_URL }', 'webhookUrl: https://hooks.slack.com/services/T0/B0/planted'],
    ],
    faults: [
      '42:38  alerts.channels.team.webhookUrl  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a string of 46 characters',
    ],
  },
  {
    change: [['webhookUrl: { env: SLACK_URL }', 'webhookUrl: { env: SLACK_URL }, channel: ops']],
    faults: [
      '42:58  alerts.channels.team.channel  unknown key; known here: kind, webhookUrl, tls, proxy, timeout, allowPlaintextLoopback',
    ],
  },
  {
    change: [['kind: slack', 'kind: slak']],
    faults: [
      '42:19  alerts.channels.team.kind  expected one of slack, pagerduty, webhook, found "slak"; did you mean "slack"?',
    ],
  },
  {
    change: [['channels: [oncall] }', 'channels: [oncal] }']],
    faults: ['45:53  alerts.routes[0].channels[0]  no channel is named "oncal"; did you mean "oncall"?'],
  },
  {
    change: [['channels: [oncall] }', 'channels: [] }']],
    faults: ['45:52  alerts.routes[0].channels  expected a list of at least 1 entry, found an empty list'],
  },
  {
    change: [['severity: [critical]', 'severity: [crit]']],
    faults: [
      '45:29  alerts.routes[0].match.severity[0]  expected one of critical, warning, info, found "crit"',
    ],
  },
  {
    change: [['severity: [critical]', 'kind: [rotation-complete]']],
    faults: [
      '45:25  alerts.routes[0].match.kind[0]  expected one of rotation-completed, rotation-failed, rotation-attention, … (40 in all), found "rotation-complete"; did you mean "rotation-completed"?',
    ],
  },
  {
    change: [
      [
        '    - { channels: [team] }',
        '    - { match: { severity: [warning] }, channels: [team] }\n    - { match: { credential: [prod] }, channels: [team] }',
      ],
      ['severity: [critical]', 'kind: [key-orphaned]'],
    ],
    faults: [
      '45:5  alerts.routes  a critical alert of 35 kinds reaches no channel; end the list with a route without match: - { channels: […] }',
    ],
  },
  {
    change: [['  routes:', '  runbookUrl: https://runbooks.internal/{name}\n  routes:']],
    faults: [
      '44:15  alerts.runbookUrl  expected a URL in which only {kind} is filled in, such as https://runbooks.internal/{kind}, found "https://runbooks.internal/{name}"',
    ],
  },
  {
    change: [['  routes:', '  heartbeat: { url: "http://127.0.0.1:9/ping/secret", every: 0s }\n  routes:']],
    faults: [
      '44:21  alerts.heartbeat.url  expected https://, or allowPlaintextLoopback: true beside a loopback address, found "http://127.0.0.1:9"',
      '44:62  alerts.heartbeat.every  expected a duration longer than nothing, found "0s"',
    ],
  },
  {
    change: [['127.0.0.1:7300', '0.0.0.0:7300']],
    faults: [
      '48:11  api.listen  listens elsewhere than on loopback without TLS; set tls: { certFile, keyFile }, or behindTlsProxy: true where a proxy in front of it does TLS',
    ],
  },
  {
    change: [['127.0.0.1:7300', '7300']],
    faults: ['48:11  api.listen  expected HOST:PORT or unix:PATH, such as 127.0.0.1:7300, found 7300'],
  },
  {
    change: [['127.0.0.1:7300', 'localhost']],
    faults: ['48:11  api.listen  expected HOST:PORT or unix:PATH, such as 127.0.0.1:7300, found "localhost"'],
  },
  {
    change: [['  listen: 127.0.0.1:7300', '  mode: "0660"']],
    faults: ['48:9  api.mode  stands beside listen: unix:PATH only'],
  },
  {
    change: [['  listen: 127.0.0.1:7300', '  listen: 127.0.0.1:7300\n  probes: { listen: 127.0.0.1:7300 }']],
    faults: ['49:21  api.probes.listen  is the address of api.listen already'],
  },
  {
    change: [['  listen: 127.0.0.1:7300', '  publicUrl: http://keywarden.example.com']],
    faults: [
      '48:14  api.publicUrl  expected https://; plain http is refused, found "http://keywarden.example.com"',
    ],
  },
  {
    change: [['role: admin', 'role: root']],
    faults: ['50:18  api.tokens.ops.role  expected one of admin, operator, app, reader, found "root"'],
  },
  {
    change: [['secret: { env: ADMIN_TOKEN }', 'secret: planted-admin-token']],
    faults: [
      '50:33  api.tokens.ops.secret  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a string of 19 characters',
    ],
  },
  {
    change: [['secret: { env: ADMIN_TOKEN }', 'secret: [{ env: ADMIN_TOKEN }, planted]']],
    faults: [
      '50:33  api.tokens.ops.secret  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a list',
    ],
  },
  {
    change: [['secret: { env: ADMIN_TOKEN }', 'secret: { env: APP_TOKEN }']],
    faults: [
      '51:31  api.tokens.app.secret  has the secret of the token ops: the audit log could not say who it was; give each token a secret of its own',
    ],
  },
  {
    change: [['secret: { env: ADMIN_TOKEN }', 'secret: { env: ADMIN_TOKEN }, credentials: [prod]']],
    faults: [
      '50:68  api.tokens.ops.credentials  stands beside role: app only; admin is not bound to single ones',
    ],
  },
  {
    change: [['credentials: [prod]', 'credentials: [prdo]']],
    faults: ['51:65  api.tokens.app.credentials[0]  no credential is named "prdo"; did you mean "prod"?'],
  },
  {
    change: [['level: info', 'level: verbose']],
    faults: ['52:15  log.level  expected one of trace, debug, info, warn, error, silent, found "verbose"'],
  },
  {
    change: [['log: {', 'schedule: { timezone: Europe/Berlim }\nlog: {']],
    faults: [
      '52:23  schedule.timezone  expected an IANA time zone such as Europe/Berlin, found "Europe/Berlim"; did you mean "Europe/Berlin"?',
    ],
  },
  {
    change: [['log: {', 'schedule: { reconcile: "every 10 s" }\nlog: {']],
    faults: [
      '52:24  schedule.reconcile  expected a cron expression of 5 or 6 fields such as "*/10 * * * * *", found "every 10 s"',
    ],
  },
  {
    change: [['log: {', 'schedule: { pollLogs: "61 * * * *" }\nlog: {']],
    faults: [
      '52:23  schedule.pollLogs  expected a cron expression of 5 or 6 fields such as "*/10 * * * * *", found "61 * * * *"',
    ],
  },
  {
    change: [['log: {', 'network: { allow: [169.254.0.0/16] }\nlog: {']],
    faults: [
      '52:20  network.allow[0]  expected an address or a host name such as 169.254.169.254, found "169.254.0.0/16"',
    ],
  },
  {
    change: [['log: { level: info }', 'log: { level: info }\nlog: { level: debug }']],
    faults: ['53:1  log  given twice; it stands at keywarden.yaml:52:1 already; remove one of the two'],
  },
  {
    change: [['log: {', 'log: !secret {']],
    faults: ['52:6  not readable as YAML: a tag (!name); tags do not exist here'],
  },
  {
    change: [['log: {', '"log: {']],
    faults: [
      '52:1  not readable as YAML: a key runs over several lines; a colon is missing',
      '53:1  not readable as YAML: a character is missing: a closing quote, bracket, comma or colon',
      '52:1  not readable as YAML: a character is missing: a closing quote, bracket, comma or colon',
    ],
  },
  {
    change: [['  listen:', '\tlisten:']],
    faults: [
      '48:1  not readable as YAML: a tab where YAML wants spaces',
      '48:10  not readable as YAML: a nested mapping on one line; a value with ": " needs quotes',
      '48:10  not readable as YAML: a key runs over several lines; a colon is missing',
    ],
  },
  {
    change: [['log: {', 'log: *nowhere\nx: {']],
    faults: [
      '52:6  log  not readable as YAML: an alias (*name) without its anchor (&name) before it',
      '53:1  x  unknown key; known here: version, installation, state, schedule, network, providers, stores, credentials, oauthClients, monitors, alerts, api, log',
    ],
  },
  {
    change: [['log: {', '---\nlog: {']],
    faults: ['52:1  not readable as YAML: a second document (---); a configuration is one document'],
  },
  {
    change: [['level: info', 'level: .nan']],
    faults: ['52:15  log.level  expected text, a finite number, true or false, found NaN'],
  },
  {
    change: [['log: {', '<<: {']],
    faults: [
      '52:1  "<<"  unknown key; known here: version, installation, state, schedule, network, providers, stores, credentials, oauthClients, monitors, alerts, api, log',
    ],
  },
  {
    change: [['log: {', '__proto__: {']],
    faults: ['52:1  unknown key "__proto__"'],
  },
];

describe('a faulty monitor, alert, listener or line of YAML is refused', () => {
  test.each(CASES)('$faults.0', async ({ change, faults }) => {
    const text = change.reduce((base, [from, to]) => changed(from, to, base), BASE);
    const reading = await readText(text);
    expect(reading.faults.map(renderFault)).toEqual(faults.map((fault) => `keywarden.yaml:${fault}`));
    expect(reading.config).toBeNull();
  });
});
