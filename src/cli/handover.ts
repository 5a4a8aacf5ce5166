import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AgentConfig } from '../config/agent/types.ts';
import { secretReader } from '../config/secret-reader.ts';
import { SecretSource } from '../model/index.ts';
import type { AgentOrder } from './agent-process.ts';

/** What tells a process that it is the second one; see `src/keywarden.js`. */
const VARIABLE = 'KEYWARDEN_AGENT_ORDER';

/** One variable of an environment may have 128 KiB on Linux. */
const LONGEST = 100 * 1024;

/** In the bundle this stands beside every file of code. */
const ENTRY = fileURLToPath(new URL('./main-agent.js', import.meta.url));

/**
 * Replaces this process by one that has read nothing but its order: the schema library, YAML and the command line, which only
 * a start needs, are gone from memory. The order holds references to secrets, never a secret. Returns where that cannot
 * be: outside of the bundle, on a system without `execve`, with a very long configuration.
 */
export function handOver(order: AgentOrder): void {
  const { execPath, execArgv, argv, env } = process;
  const text = JSON.stringify(order, (_, value: unknown) =>
    value instanceof SecretSource ? { $secret: value.origin } : value,
  );
  if (process.execve === undefined || text.length > LONGEST || !existsSync(ENTRY)) return;
  const own = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const frugal = needsWebAssembly(order.config) ? [] : ['--jitless'];
  process.execve(execPath, [execPath, ...execArgv, ...frugal, argv[1] ?? '', 'agent'], {
    ...Object.fromEntries(own),
    [VARIABLE]: text,
  });
}

/** Without a compiler Node is 4 MB smaller, but the client that knows proxies, and that hooks use, needs WebAssembly. */
function needsWebAssembly({ upstream, credentials }: AgentConfig): boolean {
  const calls = Object.values(credentials).some(({ destinations }) =>
    destinations.some(({ onChange }) => onChange?.kind === 'http'),
  );
  return calls || upstream.proxy !== null;
}

/** What the process before this one has handed over. */
export function takeOver(): AgentOrder {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new TypeError(`${VARIABLE} is not set`);
  delete process.env[VARIABLE];
  const read = secretReader(process.env);
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('$secret' in value)) return value;
    const source = new SecretSource(value.$secret as SecretSource['origin']);
    source.bind(async (origin) => (await read(origin)).value);
    return source;
  }) as AgentOrder;
}
