import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../support/world.ts';

/** Signs of a daemon's life that can be seen from outside of it. */
export const SIGNS = ['write of the state', 'mint', 'request to a store', 'message to a channel'] as const;

export type Sign = (typeof SIGNS)[number];

/** Where nothing of what is waited for happens, ms: then any other moment is as good. */
const PATIENCE = 1_000;

/** Counts what a daemon does, so that moments can be named by it: the 17th write of the state from now. */
export class Activity {
  readonly #world: World;
  readonly #watcher: FSWatcher;
  #writes = 0;

  /** The state's directory is there already. */
  constructor(world: World) {
    this.#world = world;
    this.#watcher = watch(join(world.folder, 'state'), () => {
      this.#writes += 1;
    });
  }

  #count(sign: Sign): number {
    const { sandbox, vaultServer, awsServer } = this.#world;
    if (sign === 'write of the state') return this.#writes;
    if (sign === 'mint') return sandbox.frameflow.keys().length;
    if (sign === 'request to a store') return vaultServer.requests.length + awsServer.requests.length;
    return sandbox.slack.messages().length + sandbox.pagerduty.events().length;
  }

  /** Until there are so many more of these signs, or the wait is given up. */
  async until(sign: Sign, more: number, over: () => boolean): Promise<void> {
    const wanted = this.#count(sign) + more;
    const end = performance.now() + PATIENCE;
    while (this.#count(sign) < wanted && performance.now() < end && !over()) await milliseconds(1);
  }

  close(): void {
    this.#watcher.close();
  }
}

export function milliseconds(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
