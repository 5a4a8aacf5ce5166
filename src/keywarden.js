#!/usr/bin/env node
// The command `keywarden`. Plain JavaScript that any Node from 12.20 on can read: where it was started by one that is
// too old, it hands over to the Node that a checkout brings along (the dev dependency `node`), or says what is missing.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = [24, 15];
const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const brought = join(here, '..', 'node_modules', 'node');

if (isEnough(process.versions.node)) start();
else if (isEnough(broughtVersion())) handOver(join(brought, 'bin', 'node'));
else refuse();

function isEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** What the package beside us says of itself; an executable that is not there is no version at all. */
function broughtVersion() {
  try {
    if (!existsSync(join(brought, 'bin', 'node'))) return '0';
    return JSON.parse(readFileSync(join(brought, 'package.json'), 'utf8')).version;
  } catch {
    return '0';
  }
}

function start() {
  muteSqliteWarning();
  // The bundle, a checkout, the published package: Node strips no types under node_modules.
  const entry = ['main.js', 'main.ts', '../dist/main.js'].map((file) => join(here, file)).find(existsSync);
  const bundle = entry === join(here, 'main.js');
  if (bundle) bundled();
  // An agent that has read its configuration starts anew, without what that took: see src/cli/handover.ts.
  const again = bundle && process.env.KEYWARDEN_AGENT_ORDER !== undefined;
  if (again) waiting();
  import(pathToFileURL(again ? join(here, 'main-agent.js') : entry).href).catch((error) => {
    process.stderr.write(`keywarden cannot start: ${error.message}; reinstall it (npm ci)\n`);
    process.exitCode = 1;
  });
}

/** What only the bundle does, to start quickly and stay small. */
function bundled() {
  // It holds its vendors' code, whose deprecations Node would not tell if it lay under node_modules.
  process.noDeprecation = true;
  // A daemon that mostly waits needs no room for much that is young.
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
  // Compiled code, made where the container image is built; never a folder that others can write.
  const cache = join(here, 'cache');
  if (existsSync(cache)) process.getBuiltinModule('node:module').enableCompileCache(cache);
}

/** An agent mostly waits: what code it runs is worth no compiler, whose pages cost 3 MB. */
function waiting() {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const flags = ['--no-opt', '--no-maglev', '--no-sparkplug', '--optimize-for-size', '--max-lazy'];
  for (const flag of flags) setFlagsFromString(flag);
}

/** Node 24 calls node:sqlite experimental at every start. That one warning is known and dropped; all others stay. */
function muteSqliteWarning() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...details) => {
    if (!/^SQLite is an experimental feature/.test(String(warning))) {
      emitWarning.call(process, warning, ...details);
    }
  };
}

/** The child has our terminal, gets our signals, and we end as it ends. */
async function handOver(node) {
  const { spawn } = await import('node:child_process');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => {
    process.stderr.write(`keywarden cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const each of signals) process.removeListener(each, forward);
    if (signal === null) process.exit(code === null ? 1 : code);
    else process.kill(process.pid, signal);
  });
}

function refuse() {
  process.stderr.write(
    `keywarden needs Node ${NEEDED.join('.')} or later; this is ${process.version} (${process.execPath}). ` +
      'Install a newer Node, or in a checkout run `npm ci`, which brings one along.\n',
  );
  process.exitCode = 1;
}
