import type { ApiConfig } from '../config/types.ts';
import type { Log } from '../model/index.ts';
import type { Route } from './router.ts';
import { type Listener, serve } from './server.ts';

/** The HTTP API and, where configured, the probes' own listener. */
export type Api = {
  readonly address: string;
  readonly probesAddress: string | null;
  /**
   * Gets ready to answer with other routes, by another configuration with the same addresses; the function that it
   * returns does it, from the next request on.
   * @throws {KeywardenError} `tls_unusable`
   */
  prepare(routes: readonly Route[], api: ApiConfig): () => void;
  /** Answers from another engine by the rules and with the certificates in force, from the next request on; nothing is read. */
  answer(routes: readonly Route[]): void;
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
    const probes =
      api.probes === null
        ? null
        : await serve({ api, listen: api.probes, routes: openOf(routes), open: true, log, now });
    if (probes !== null) listeners.push(probes);
    const prepare = (nextRoutes: readonly Route[], next: ApiConfig) => {
      const ready = [
        main.prepare({ api: next, routes: nextRoutes }),
        probes?.prepare({ api: next, routes: openOf(nextRoutes) }),
      ];
      return () => {
        for (const take of ready) take?.();
      };
    };
    const answer = (nextRoutes: readonly Route[]) => {
      main.answer(nextRoutes);
      probes?.answer(openOf(nextRoutes));
    };
    return { address: main.address, probesAddress: probes?.address ?? null, prepare, answer, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openOf(routes: readonly Route[]): readonly Route[] {
  return routes.filter(({ probe }) => probe === true);
}
