import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readConfig, renderFault, writeConfig } from '../config/index.ts';
import { createFiles } from '../files/index.ts';
import { CommandError, EXIT } from './exit.ts';
import { type Answers, type Ask, answersFrom, type Flags } from './init-answers.ts';
import { newMasterKey } from './keygen.ts';
import { paint, print, tell } from './terminal.ts';

export type InitOptions = Flags & {
  readonly directory: string;
  readonly yes?: boolean;
  readonly force?: boolean;
};

const CONFIG_FILE = 'keywarden.yaml';
const MASTER_KEY_FILE = 'keywarden-master.key';
const ADMIN_TOKEN_FILE = 'keywarden-admin.token';

/** Writes what a first start needs: a configuration, a master key and an admin token, each readable by its owner only. */
export async function init(options: InitOptions): Promise<number> {
  process.umask(0o077);
  const directory = resolve(options.directory);
  const config = join(directory, CONFIG_FILE);
  await refuseExisting(config, options.force === true);
  const answers = await ask(options);
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw cannotWrite(directory, error);
  });
  const key = await writeOnce(join(directory, MASTER_KEY_FILE), `${newMasterKey()}\n`);
  const token = await writeOnce(
    join(directory, ADMIN_TOKEN_FILE),
    `${randomBytes(32).toString('base64url')}\n`,
  );
  const text = writeConfig({
    ...answers,
    stateDirectory: './state',
    masterKeyFile: `./${MASTER_KEY_FILE}`,
    adminTokenFile: `./${ADMIN_TOKEN_FILE}`,
  });
  await createFiles().replace(config, Buffer.from(text), { mode: 0o600 });
  print(`wrote ${config}`);
  print(`${key ? 'wrote' : 'kept '} ${join(directory, MASTER_KEY_FILE)}`);
  print(`${token ? 'wrote' : 'kept '} ${join(directory, ADMIN_TOKEN_FILE)}`);
  return conclude(config);
}

async function refuseExisting(config: string, force: boolean): Promise<void> {
  if (force || (await createFiles().read(config)) === null) return;
  throw new CommandError(EXIT.failed, `${config} is there already; --force overwrites it (never a key)`);
}

async function ask(options: InitOptions): Promise<Answers> {
  if (options.yes) return answersFrom(options, null);
  if (!process.stdin.isTTY) {
    throw new CommandError(
      EXIT.usage,
      'standard input is no terminal, so nothing can be asked; give --yes to take the flags and the defaults',
    );
  }
  const { createInterface } = await import('node:readline');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Keeps what is typed or pasted ahead of its question.
  const lines = terminal[Symbol.asyncIterator]();
  const question: Ask = async (text, fallback) => {
    terminal.setPrompt(`${text}${fallback === '' ? '' : ` [${fallback}]`}: `);
    terminal.prompt();
    const { done, value } = await lines.next();
    if (done) throw new CommandError(EXIT.failed, 'ended before the last answer; nothing was written');
    return value.trim() === '' ? fallback : value.trim();
  };
  try {
    return await answersFrom(options, question);
  } finally {
    terminal.close();
  }
}

/** False where it was there already: a key is never overwritten. */
async function writeOnce(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new CommandError(EXIT.failed, `${path} cannot be written (${code}); name another --directory`);
}

/** Validates what was written, and says what is next. */
async function conclude(config: string): Promise<number> {
  const { faults, warnings } = await readConfig({
    files: [config],
    env: process.env,
    cwd: process.cwd(),
    offline: true,
  });
  for (const fault of faults) tell(`${paint('red', 'FAIL', process.stderr)}  ${renderFault(fault)}`);
  if (faults.length > 0) {
    tell(`edit ${config}, or answer again with --force`);
    return EXIT.usage;
  }
  for (const warning of warnings) print(`to do: ${warning.problem}`);
  print(
    [
      '',
      'Next:',
      `  keywarden check --config ${config}    tries the key, the stores and the channels`,
      `  keywarden run --config ${config}      the daemon`,
      `Keep a copy of ${MASTER_KEY_FILE} elsewhere: without it the state cannot be read.`,
    ].join('\n'),
  );
  return EXIT.done;
}
