import type { ApiContext } from '../context.ts';
import { metricsText } from '../metrics.ts';
import type { Route } from '../router.ts';

/** `/healthz`, `/readyz` and `/metrics`: for kubelet and Prometheus. */
export function probeRoutes({ engine }: ApiContext): Route[] {
  const health = async () => {
    const faults = await notReady();
    const ready = faults.length === 0;
    return { status: ready ? 200 : 503, body: ready ? { status: 'ok' } : { status: 'not ready', faults } };
  };
  /** A provider, store or channel that is down does not make the daemon unready. */
  const notReady = async (): Promise<string[]> => {
    const faults: string[] = [];
    if (!engine.ready) faults.push('the loop has not turned yet');
    try {
      await engine.context.state.prove();
    } catch (error) {
      faults.push(error instanceof Error ? error.message : 'the state cannot be written');
    }
    return faults;
  };
  return [
    {
      method: 'GET',
      path: '/healthz',
      summary: 'Alive: the state opens and writes, the loop turns',
      roles: null,
      probe: true,
      handle: health,
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Ready: as healthz',
      roles: null,
      probe: true,
      handle: health,
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Prometheus metrics',
      roles: ['reader', 'app'],
      probe: true,
      handle: async () => {
        const { type, text } = await metricsText(engine.context);
        return { status: 200, headers: { 'content-type': type }, body: text };
      },
    },
  ];
}
