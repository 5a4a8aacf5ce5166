/*
 * A process that does with stores what the daemon does, and no more: `node --expose-gc store-process.ts CONFIG COUNT`
 * loads the plug-ins that the configuration names, calls the provider once, publishes COUNT times to each destination,
 * and prints one line of JSON: its resident memory and that of its children, after its garbage is collected, and how many
 * modules of stores and of their vendors it has loaded.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/** The line that it prints; memory in MiB. */
export type StoreProcess = { readonly memory: number; readonly modules: number };

let modules = 0;
registerHooks({
  load(url, context, next) {
    if (
      /\/src\/stores\/(?!file\/)[^/]+\/(?!schema\.)|\/node_modules\/(?:@aws-sdk|@smithy|node-vault)\//.test(
        url,
      )
    ) {
      modules += 1;
    }
    return next(url, context);
  },
});

const { loadConfig } = await import('../../src/config/index.ts');
const { systemClock } = await import('../../src/engine/clock.ts');
const { createKeyedHash } = await import('../../src/engine/hash.ts');
const { loadPlugins } = await import('../../src/engine/plugins.ts');
const { Secret } = await import('../../src/model/index.ts');
const { Counters } = await import('../../src/telemetry/counters.ts');
const { createLog } = await import('../../src/telemetry/log.ts');

const [file = '', count = '0'] = process.argv.slice(2);
const { config } = await loadConfig({ files: [file], env: process.env, cwd: '/' });
const hash = createKeyedHash(Secret.from('bench'.padEnd(32, '.')));
const log = createLog({ level: 'silent', format: 'json' });
const plugins = await loadPlugins(config, { clock: systemClock(), hash, log, counters: new Counters() });
const value = Secret.from('ff_live_8x9a2bQ7mZ4wLpR8tN3vK6yH');

// Whatever is configured, the daemon has its connection to the provider.
for (const provider of plugins.providers.values()) {
  await provider.verify(value).catch(() => undefined);
}
for (const { name, destinations } of Object.values(config.credentials)) {
  for (const { store: storeName, target } of destinations) {
    const store = plugins.stores.get(storeName);
    for (let number = 1; number <= Number(count); number += 1) {
      const mark = { installation: 'bench/production', credential: name, number };
      const own = { ...mark, versionId: randomUUID(), keyId: null, createdAt: Date.now() };
      await store?.publish(target, value, own, await store.readBack(target));
    }
  }
}
for (let turn = 0; turn < 5; turn += 1) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await globalThis.gc?.({ execution: 'async', flavor: 'last-resort', type: 'major' });
}
const line: StoreProcess = { memory: residentMemory('self') + childrenMemory(), modules };
process.stdout.write(`${JSON.stringify(line)}\n`);
await plugins.close();

function childrenMemory(): number {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  return pids.reduce((sum, pid) => sum + residentMemory(pid), 0);
}

function residentMemory(pid: string): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}
