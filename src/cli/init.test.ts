import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { answersFrom } from './init-answers.ts';
import { cli } from './testing/cli.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

const FILES = ['keywarden.yaml', 'keywarden-master.key', 'keywarden-admin.token'];

test('it writes what a first start needs, for its owner only, and says what is next', async () => {
  const cwd = await folder();
  const flags = [
    '--yes',
    '--name',
    'footage',
    '--file',
    './app.env',
    '--slack-env',
    'SLACK',
    '--geolocations',
    'DE',
  ];
  const { code, stdout, stderr } = await cli(['init', ...flags], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const file of FILES) {
    expect((await stat(join(cwd, file))).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`wrote ${join(cwd, file)}`);
  }
  expect(stdout).toContain('to do: the environment variable FRAMEFLOW_API_KEY is not set');
  expect(stdout).toContain(`keywarden check --config ${join(cwd, 'keywarden.yaml')}`);
  const key = (await readFile(join(cwd, 'keywarden-master.key'), 'utf8')).trimEnd();
  expect(Buffer.from(key, 'base64')).toHaveLength(32);
  expect(stdout).not.toContain(key);
  const config = await readFile(join(cwd, 'keywarden.yaml'), 'utf8');
  expect(config).toContain('installation: { name: footage, environment: production }');
  expect(config).toContain('{ file: ./app.env, format: dotenv, variable: FRAMEFLOW_API_KEY }');
  const env = { FRAMEFLOW_API_KEY: 'ff_live_x', SLACK: 'https://hooks.slack.com/services/x' };
  expect(await cli(['check', '--offline'], { cwd, env })).toMatchObject({ code: 0 });
});

test('a configuration is overwritten with --force only, a master key never', async () => {
  const cwd = await folder();
  await cli(['init', '--yes'], { cwd });
  const before = await Promise.all(FILES.map((file) => readFile(join(cwd, file), 'utf8')));
  const again = await cli(['init', '--yes', '--name', 'other'], { cwd });
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('is there already; --force overwrites it (never a key)');
  await chmod(join(cwd, 'keywarden.yaml'), 0o644);
  const forced = await cli(['init', '--yes', '--name', 'other', '--force'], { cwd });
  expect(forced.code).toBe(0);
  expect(forced.stdout).toContain(`kept  ${join(cwd, 'keywarden-master.key')}`);
  const after = await Promise.all(FILES.map((file) => readFile(join(cwd, file), 'utf8')));
  expect(after.slice(1)).toEqual(before.slice(1));
  expect(after[0]).toContain('name: other');
  expect((await stat(join(cwd, 'keywarden.yaml'))).mode & 0o777).toBe(0o600);
});

test('where nothing can be asked it wants --yes, and writes nothing', async () => {
  const cwd = await folder();
  const { code, stderr } = await cli(['init'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('give --yes to take the flags and the defaults');
  await expect(stat(join(cwd, 'keywarden.yaml'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a flag that cannot be used is told, and a secret in the place of a name is not quoted', async () => {
  const cwd = await folder();
  const { code, stderr } = await cli(['init', '--yes', '--secret-env', 'ff_live_8x9a-2b'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('expected the name of an environment variable, never the secret itself');
  expect(stderr).not.toContain('ff_live_8x9a-2b');
});

test('a folder that cannot be written is told', async () => {
  const cwd = await folder();
  await writeFile(join(cwd, 'taken'), '');
  const { code, stderr } = await cli(['init', '--yes', '--directory', 'taken/below'], { cwd });
  expect(code).toBe(1);
  expect(stderr).toContain('taken');
});

test('a person is asked what no flag answers, again where the answer cannot be used', async () => {
  const asked: string[] = [];
  const replies: Record<string, string[]> = {
    Environment: ['Staging!', 'staging'],
    'Vault address (empty: none)': ['https://vault.internal:8200'],
    'Countries your calls come from, such as DE,US (empty: not watched)': ['DE,US'],
  };
  const answers = await answersFrom({ name: 'footage', tier: '300' }, async (question, fallback) => {
    asked.push(question);
    const text = question.replace(/^\(.*?\) /, '');
    return replies[text]?.shift() ?? fallback;
  });
  expect(answers).toEqual({
    installation: 'footage',
    environment: 'staging',
    tier: { requestsPerMinute: 300 },
    credential: 'frameflow-prod',
    secretEnv: 'FRAMEFLOW_API_KEY',
    geolocations: ['DE', 'US'],
    vault: {
      address: 'https://vault.internal:8200',
      path: 'frameflow-prod',
      field: 'api_key',
      auth: { method: 'token', tokenEnv: 'VAULT_TOKEN' },
    },
  });
  expect(asked).not.toContain('Name of this installation');
  expect(asked.filter((question) => question.endsWith('Environment'))).toHaveLength(2);
});
