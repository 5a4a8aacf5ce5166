import type { ApiConfig } from '../config/types.ts';
import type { Log } from '../model/index.ts';
import type { Route } from './router.ts';
import { type Listener, serve } from './server.ts';

/** The HTTP API and, where configured, the probes' own listener. */
export type Api = {
  readonly address: string;
  readonly probesAddress: string | null;
  close(): Promise<void>;
};

/**
 * Opens the listeners that the configuration names.
 * @param now wall time, ms
 * @throws {KeywardenError} `port_taken`, `cannot_listen`, `tls_unusable`; what was opened until then is closed
 */
export async function openListeners(
  routes: readonly Route[],
  { api, log, now }: { readonly api: ApiConfig; readonly log: Log; readonly now: () => number },
): Promise<Api> {
  const listeners: Listener[] = [];
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    const main = await serve({ api, listen: api.listen, routes, open: false, log, now });
    listeners.push(main);
    const open = routes.filter(({ probe }) => probe === true);
    const probes =
      api.probes === null
        ? null
        : await serve({ api, listen: api.probes, routes: open, open: true, log, now });
    if (probes !== null) listeners.push(probes);
    return { address: main.address, probesAddress: probes?.address ?? null, close };
  } catch (error) {
    await close();
    throw error;
  }
}
