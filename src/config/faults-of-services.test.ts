import { describe, expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { BASE, changed, readText } from './testing/base.ts';

/** A change to the faultless configuration, and every fault it makes: line, column, key path, what is said. */
const CASES: ReadonlyArray<{
  readonly change: ReadonlyArray<readonly [from: string, to: string]>;
  readonly faults: readonly string[];
}> = [
  {
    change: [['version: 1\n', 'version: 2\n']],
    faults: ['1:10  version  expected 1: the version of the configuration format, found 2'],
  },
  {
    change: [['version: 1\n', '# none\n']],
    faults: ['2:1  version  missing; expected 1: the version of the configuration format'],
  },
  {
    change: [['installation: {', 'instalation: {']],
    faults: [
      '1:1  installation  missing; expected a mapping',
      '2:1  instalation  unknown key; did you mean "installation"?',
    ],
  },
  {
    change: [['name: footage', 'name: Footage']],
    faults: [
      '2:23  installation.name  expected a name: a-z, 0-9, ".", "_", "-", at most 63 characters, not starting with a sign, found "Footage"',
    ],
  },
  {
    change: [['environment: test', 'environment: ""']],
    faults: [
      '2:32  installation.environment  expected a name: a-z, 0-9, ".", "_", "-", at most 63 characters, not starting with a sign, found an empty string',
    ],
  },
  {
    change: [['    - { env: MASTER_KEY }', '    - c2VjcmV0LXBsYW50ZWQ=']],
    faults: [
      '6:7  state.encryptionKeys[0]  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a string of 20 characters',
    ],
  },
  {
    change: [['  encryptionKeys:\n    - { env: MASTER_KEY }', '  encryptionKeys: []\n']],
    faults: ['5:19  state.encryptionKeys  expected a list of at least 1 entry, found an empty list'],
  },
  {
    change: [['    - { env: MASTER_KEY }', '    - { env: ADMIN_TOKEN }']],
    faults: [
      '6:7  state.encryptionKeys[0]  does not hold a master key: 32 bytes in base64; `keywarden keygen` prints one',
    ],
  },
  {
    change: [['    - { env: MASTER_KEY }', '    - { env: MASTER_KEY }\n    - { env: MASTER_KEY }']],
    faults: ['7:7  state.encryptionKeys[1]  is the same as state.encryptionKeys[0]'],
  },
  {
    change: [['  directory: ./state', '  database: mysql']],
    faults: [
      '4:13  state.database  expected sqlite, sqlite:PATH, postgres://… without a password, or { env: NAME }, found "mysql"',
    ],
  },
  {
    change: [['  directory: ./state', '  database: postgres://kw:planted@db/kw']],
    faults: [
      '4:13  state.database  expected sqlite, sqlite:PATH, postgres://… without a password, or { env: NAME }, found a string of 27 characters',
    ],
  },
  {
    change: [['  directory: ./state', '  retain: { rotations: 400 }']],
    faults: [
      '4:24  state.retain.rotations  expected a duration such as 90d, 72h, 15m, 30s or 1d12h, found 400',
    ],
  },
  {
    change: [['    tier: pro', '    tier: proo']],
    faults: [
      '10:11  providers.frameflow.tier  expected standard, pro or { requestsPerMinute: N }, found "proo"',
    ],
  },
  {
    change: [['    tier: pro', '    tier: { requestsPerMinut: 5 }']],
    faults: [
      '10:5  providers.frameflow.tier.requestsPerMinute  missing; expected a number',
      '10:13  providers.frameflow.tier.requestsPerMinut  unknown key; did you mean "requestsPerMinute"?',
    ],
  },
  {
    change: [['    tier: pro', '    rateShare: 1.5']],
    faults: ['10:16  providers.frameflow.rateShare  expected a number of at most 1, found 1.5'],
  },
  {
    change: [['    tier: pro', '    timeout: 10 s']],
    faults: [
      '10:14  providers.frameflow.timeout  expected a duration such as 90d, 72h, 15m, 30s or 1d12h, found "10 s"',
    ],
  },
  {
    change: [['    tier: pro', '    timeout: 0s']],
    faults: ['10:14  providers.frameflow.timeout  expected a duration longer than nothing, found "0s"'],
  },
  {
    change: [['    tier: pro', '    apiUrl: http://api.frameflow.io']],
    faults: [
      '10:13  providers.frameflow.apiUrl  expected https://; plain http is refused, found "http://api.frameflow.io"',
    ],
  },
  {
    change: [['    tier: pro', '    apiUrl: http://127.0.0.1:8080']],
    faults: [
      '10:13  providers.frameflow.apiUrl  expected https://, or allowPlaintextLoopback: true beside a loopback address, found "http://127.0.0.1:8080"',
    ],
  },
  {
    change: [['    tier: pro', '    apiUrl: ftp://api.frameflow.io']],
    faults: [
      '10:13  providers.frameflow.apiUrl  expected a URL such as https://api.example.com, without user, password or fragment, found "ftp://api.frameflow.io"',
    ],
  },
  {
    change: [['    tier: pro', '    apiUrl: https://me:planted@api.frameflow.io']],
    faults: [
      '10:13  providers.frameflow.apiUrl  expected a URL such as https://api.example.com, without user, password or fragment, found a string of 35 characters',
    ],
  },
  {
    change: [['    tier: pro', '    settle: { minimum: 5m, budget: 2m }']],
    faults: [
      '10:24  providers.frameflow.settle.minimum  expected a duration shorter than settle.budget (2m), found 5m',
    ],
  },
  {
    change: [['    tier: pro', '    tls: { ca: ./ca.pem }']],
    faults: [
      '10:5  providers.frameflow.tls.caFile  missing; expected text',
      '10:12  providers.frameflow.tls.ca  unknown key; known here: caFile',
    ],
  },
  {
    change: [['  second:\n    kind: frameflow', '  second:\n    kind: framflow']],
    faults: [
      '12:11  providers.second.kind  expected one of frameflow, stockflow, oauth2, found "framflow"; did you mean "frameflow"?',
    ],
  },
  {
    change: [['  second:\n    kind: frameflow', '  second:\n    tier: pro']],
    faults: ['11:3  providers.second.kind  missing; expected one of frameflow, stockflow, oauth2'],
  },
  {
    change: [['  second:', '  Second_:']],
    faults: [
      '11:3  providers.Second_  expected a name: a-z, 0-9, ".", "_", "-", at most 63 characters, not starting with a sign, found "Second_"',
      '31:15  credentials.other.provider  no provider is named "second"; did you mean "Second_"?',
    ],
  },
  {
    change: [['    kind: vault\n', '    kind: vault\n    adress: https://x\n']],
    faults: ['16:5  stores.vault.adress  unknown key; did you mean "address"?'],
  },
  {
    change: [['https://vault.internal:8200', 'http://vault.internal:8200']],
    faults: [
      '16:14  stores.vault.address  expected https://; plain http is refused, found "http://vault.internal:8200"',
    ],
  },
  {
    change: [
      ['    auth: { method: token', '    nodes: [http://vault-1.internal:8200]\n    auth: { method: token'],
    ],
    faults: [
      '17:13  stores.vault.nodes[0]  expected https://; plain http is refused, found "http://vault-1.internal:8200"',
    ],
  },
  {
    change: [['    auth: { method: token', '    nodes: [http://127.0.0.1:8200]\n    auth: { method: token']],
    faults: [
      '17:13  stores.vault.nodes[0]  expected https://, or allowPlaintextLoopback: true beside a loopback address, found "http://127.0.0.1:8200"',
    ],
  },
  {
    change: [
      [
        '    auth: { method: token',
        '    allowPlaintextLoopback: true\n    nodes: [http://127.0.0.1:8200]\n    marks: tags\n    auth: { method: token',
      ],
    ],
    faults: ['19:12  stores.vault.marks  expected one of sibling, custom_metadata, found "tags"'],
  },
  {
    change: [['token: { env: VAULT_TOKEN } }', 'token: s.planted }']],
    faults: [
      '17:35  stores.vault.auth.token  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a string of 9 characters',
    ],
  },
  {
    change: [
      ['{ method: token, token: { env: VAULT_TOKEN } }', '{ method: tokn, token: { env: VAULT_TOKEN } }'],
    ],
    faults: [
      '17:21  stores.vault.auth.method  expected one of token, approle, kubernetes, found "tokn"; did you mean "token"?',
    ],
  },
  {
    change: [['{ method: token, token: { env: VAULT_TOKEN } }', 's.planted']],
    faults: ['17:11  stores.vault.auth  expected a mapping, found a string of 9 characters'],
  },
  {
    change: [
      ['{ method: token, token: { env: VAULT_TOKEN } }', '{ method: approle, roleId: { env: VAULT_TOKEN } }'],
    ],
    faults: [
      '17:5  stores.vault.auth.secretId  missing; expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here',
    ],
  },
  {
    change: [['env: VAULT_TOKEN', 'env: VAULT_TOKN']],
    faults: ['17:35  stores.vault.auth.token  the environment variable VAULT_TOKN is not set'],
  },
  {
    change: [['env: VAULT_TOKEN', 'env: "VAULT TOKEN"']],
    faults: [
      '17:42  stores.vault.auth.token.env  expected the name of an environment variable, found a string of 11 characters',
    ],
  },
  {
    change: [['region: eu-central-1', 'region: frankfurt']],
    faults: ['18:45  stores.aws.region  expected a region such as eu-central-1, found "frankfurt"'],
  },
  {
    change: [['  aws: { kind', '  file: { kind']],
    faults: [
      '18:3  stores.file  a store cannot be named file: that name stands for files',
      '28:18  credentials.prod.publish[1].store  no store is named "aws"; known here: vault, file',
    ],
  },
  {
    change: [['provider: second', 'provider: secnd']],
    faults: ['31:15  credentials.other.provider  no provider is named "secnd"; did you mean "second"?'],
  },
  {
    change: [['provider: second', 'provider: 7']],
    faults: ['31:15  credentials.other.provider  expected text, found 7'],
  },
  {
    change: [['    secret: { env: FIRST_KEY }', '    secret: ff_live_planted123']],
    faults: [
      '22:13  credentials.prod.secret  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a string of 18 characters',
    ],
  },
  {
    change: [['    secret: { env: FIRST_KEY }', '    secret: { value: ff_live_planted123 }']],
    faults: [
      '22:13  credentials.prod.secret  expected a reference to a secret: { env: NAME } or { file: PATH }; a value never stands here, found a mapping',
    ],
  },
  {
    change: [['    secret: { env: FIRST_KEY }', '    keyId: ff_live_planted123']],
    faults: [
      '22:12  credentials.prod.keyId  expected the id of a key such as key_9Xc1, never the key itself, found a string of 18 characters',
    ],
  },
];

describe('a faulty head, provider or store is refused', () => {
  test.each(CASES)('$faults.0', async ({ change, faults }) => {
    const text = change.reduce((base, [from, to]) => changed(from, to, base), BASE);
    const reading = await readText(text);
    expect(reading.faults.map(renderFault)).toEqual(faults.map((fault) => `keywarden.yaml:${fault}`));
    expect(reading.config).toBeNull();
  });
});
