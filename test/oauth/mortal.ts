import type { Change } from '../../src/model/index.ts';
import type { State } from '../../src/state/contract.ts';

/** Where a process dies: before a commit that this is true of reaches the disk, or right after. */
export type Boundary = {
  readonly at: 'before' | 'after';
  readonly commit: (changes: readonly Change[]) => boolean;
};

/** How a process's death is brought about. */
export type Death = {
  /** It is dead: nothing that it asks of the state is done or answered any more. */
  now(): void;
  /** It dies there. Resolves once it has. */
  when(boundary: Boundary): Promise<void>;
};

/** A state as one process sees it until it dies; then every call hangs, as its process's does. */
export function mortal(real: State): { readonly state: State; readonly death: Death } {
  const dead = Promise.withResolvers<void>();
  let alive = true;
  let boundary: Boundary | null = null;
  const end = () => {
    alive = false;
    dead.resolve();
  };
  const hang = () => new Promise<never>(() => undefined);
  const dies = (at: Boundary['at'], changes: readonly Change[]) =>
    boundary?.at === at && boundary.commit(changes);
  const commit: State['commit'] = async (changes, options) => {
    if (dies('before', changes)) end();
    if (!alive) return hang();
    await real.commit(changes, options);
    if (dies('after', changes)) end();
    return alive ? undefined : hang();
  };
  const state = new Proxy(real, {
    get(target, name, receiver) {
      if (name === 'commit') return commit;
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => (alive ? member.apply(target, args) : hang());
    },
  });
  const when = (at: Boundary) => {
    boundary = at;
    return dead.promise;
  };
  return { state, death: { now: end, when } };
}
