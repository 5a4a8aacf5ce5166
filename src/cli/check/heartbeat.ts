import type { Config } from '../../config/types.ts';
import { type Result, tried } from './result.ts';

/**
 * Whether the server that waits for the heartbeat can be reached, by its rules of connection. Its address is not called:
 * that would say that the daemon is well, which only the daemon knows. Its path is a secret and not shown.
 */
export async function reachHeartbeat({ heartbeat, network }: Config): Promise<Result[]> {
  if (heartbeat === null) return [];
  const reach = async () => {
    const { createNet } = await import('../../net/index.ts');
    const { origin } = new URL(heartbeat.url);
    const net = createNet({
      timeoutMs: heartbeat.timeout,
      allowPlaintextLoopback: heartbeat.allowPlaintextLoopback,
      allow: network.allow,
      ...(heartbeat.tls === undefined ? {} : { caFile: heartbeat.tls.caFile }),
      ...(heartbeat.proxy === undefined ? {} : { proxy: heartbeat.proxy }),
    });
    try {
      await net.request({ method: 'HEAD', url: `${origin}/` });
      return `${origin} answers; not called (only the daemon says that all is well)`;
    } finally {
      await net.close();
    }
  };
  return [await tried('heartbeat', reach)];
}
