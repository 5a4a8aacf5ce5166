import { loadAgentConfig } from '../config/agent/load.ts';
import { renderFault } from '../config/fault.ts';
import { handOver } from './handover.ts';
import type { ConfigOptions } from './options.ts';

/**
 * The agent: runs until a signal ends it. In the bundle this process reads the configuration and is then replaced by one
 * that carries nothing of what that took.
 */
export async function agent({ config: files }: ConfigOptions): Promise<number> {
  const { config, warnings, sources } = await loadAgentConfig({
    files,
    env: process.env,
    cwd: process.cwd(),
  });
  const told = warnings.map((fault) => ({ keyPath: fault.keyPath, text: renderFault(fault) }));
  const order = { config, warnings: told, sources };
  handOver(order);
  const { runAgent } = await import('./agent-process.ts');
  return runAgent(order);
}
