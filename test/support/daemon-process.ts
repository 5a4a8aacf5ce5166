/*
 * A daemon as a process of its own, for tests that kill it: `node daemon-process.ts CONFIG`. Says `ready` once it is.
 */
import { flushCompileCache } from 'node:module';
import { startDaemon } from '../../src/cli/daemon.ts';
import { loadConfig } from '../../src/config/index.ts';
import { systemClock } from '../../src/engine/clock.ts';
import { createLog } from '../../src/telemetry/log.ts';

const { config } = await loadConfig({ files: process.argv.slice(2), env: process.env, cwd: process.cwd() });
const daemon = await startDaemon(config, systemClock(), createLog({ level: 'warn', format: 'json' }));
process.on('SIGTERM', () => {
  void daemon.stop().then(() => process.exit(0));
});
process.stdout.write('ready\n');
// Whoever is killed writes nothing at its end.
flushCompileCache();
