import { overdueSignal, type Watched } from '../../../src/engine/overdue.ts';
import {
  type AlertKind,
  DAY,
  type Destination,
  type Failure,
  HOUR,
  MINUTE,
  type Raise,
  type Signal,
} from '../../../src/model/index.ts';
import { foldHook } from '../../../src/rotation/hook.ts';
import { rightsAlert } from '../../../src/rotation/rights-alert.ts';
import { goBack, othersRotate, refuseCurrent, tellCompromise } from '../../../src/rotation/testing/people.ts';
import { World, type WorldOptions } from '../../../src/rotation/testing/world.ts';

/*
 * Alerts of a key's life, as the rotation raises them where it happens. Every destination, failure and time is of a kind
 * that there is.
 */

const VAULT = 'vault:footage/frameflow#api_key';
const FILE = 'file:/run/footage/.env';

const SEALED: Failure = {
  code: 'unavailable',
  verdict: 'retryable',
  message: 'Vault at https://vault.internal:8200 answered 503: it is sealed',
};
const FORBIDDEN: Failure = {
  code: 'forbidden',
  verdict: 'permanent',
  message: 'Vault at https://vault.internal:8200 answered 403: its token may not write footage/frameflow',
};
const DOWN: Failure = {
  code: 'unavailable',
  verdict: 'retryable',
  message: 'FrameFlow answered 503',
};

export type Raiser = () => Raise | Promise<Raise>;

/** The last of this kind among signals. @throws {TypeError} where there is none */
export function raised(kind: AlertKind, signals: readonly Signal[]): Raise {
  const found = signals.findLast((signal) => signal.type === 'raise' && signal.kind === kind);
  if (found?.type !== 'raise') throw new TypeError(`no ${kind} was raised`);
  return found;
}

function managing(options: WorldOptions = {}): World {
  return World.managing({ required: [VAULT, FILE], ...options });
}

/** A rotation whose new key does not reach Vault from the mint on. */
function unpublished(fault: Failure, passed: number): World {
  const world = managing();
  world.provider.mints = () => {
    world.shelf(VAULT).fault = () => fault;
    return null;
  };
  world.rotate();
  world.advance(passed);
  return world;
}

function overlapping(): World {
  const world = managing();
  world.rotate();
  world.advance(MINUTE);
  return world;
}

function destinationOf(world: World, id: string): Destination {
  const destination = world.memory.destinations.get(id);
  if (destination === undefined) throw new TypeError(`${id} is not known`);
  return destination;
}

function completed(): Raise {
  return raised('rotation-completed', overlapping().told);
}

function failed(): Raise {
  const world = managing();
  const message = 'FrameFlow answered 403: this key may not rotate';
  world.provider.mints = () => ({ code: 'forbidden', verdict: 'permanent', message });
  world.rotate();
  return raised('rotation-failed', world.told);
}

function overdue(): Raise {
  const world = managing();
  world.provider.mints = () => DOWN;
  world.advance(100 * DAY);
  const { every, mode } = world.policy;
  const config = { name: 'frameflow-prod', rotation: { every, mode } } as Watched['config'];
  const work = { id: 'frameflow-prod', dueAt: world.now + HOUR, claimedUntil: null };
  return raised('rotation-overdue', [
    overdueSignal({ config, snapshot: world.memory.snapshot(), work }, world.now),
  ]);
}

function orphaned(): Raise {
  const world = managing();
  world.provider.remembers = 0;
  world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
  world.rotate();
  world.advance(DAY);
  world.readLog();
  world.advance(DAY);
  return raised('key-orphaned', world.told);
}

function foreign(): Raise {
  const world = managing();
  world.advance(10 * DAY);
  othersRotate(world, 'first');
  world.advance(5 * MINUTE);
  world.readLog();
  return raised('foreign-mint', world.told);
}

function drifted(): Raise {
  const world = managing();
  world.advance(10 * DAY);
  world.shelf(FILE).value = 'pasted by hand';
  world.advance(DAY);
  return raised('store-drift', world.told);
}

function straggling(): Raise {
  const world = overlapping();
  for (let hour = 0; hour < 49; hour += 1) {
    world.advance(HOUR);
    const times = { firstSeenAt: world.now - hour * HOUR, lastSeenAt: world.now };
    world.users = [
      {
        keyId: 'key_1',
        ip: '198.51.100.7',
        userAgent: 'nightly-import/2.1',
        calls: 12 * (hour + 1),
        ...times,
      },
    ];
    world.wake();
  }
  return raised('old-key-in-use', world.told);
}

function rejected(): Raise {
  const world = managing();
  world.advance(10 * DAY);
  world.provider.revoke('first', world.now);
  refuseCurrent(world);
  return raised('credential-rejected', world.told);
}

function compromised(): Raise {
  const world = managing();
  world.advance(10 * DAY);
  tellCompromise(world);
  world.advance(10 * MINUTE);
  return raised('key-compromised', world.told);
}

function rolledBack(): Raise {
  const world = overlapping();
  world.advance(HOUR);
  goBack(world, world.now + DAY);
  world.advance(DAY);
  return raised('rollback-ends', world.told);
}

function hookFailed(): Raise {
  const world = overlapping();
  const version = world.current;
  const hook = { versionId: version.id, state: 'owed' as const, attempts: 2, lastError: null, at: world.now };
  const situation = {
    destination: { ...destinationOf(world, FILE), hook },
    version,
    snapshot: world.memory.snapshot(),
    consumerLag: 0,
  };
  const message = 'the command /usr/bin/systemctl reload footage ended with code 1';
  const { signals } = foldHook(
    situation as unknown as Parameters<typeof foldHook>[0],
    { code: 'exit_code', verdict: 'retryable', message },
    world.now,
  );
  return raised('hook-failed', signals);
}

function guided(days: number, policy: WorldOptions['policy'] = {}): readonly Raise[] {
  const world = managing({ policy: { mode: 'guided', ...policy } });
  world.advance(days * DAY);
  return world.told;
}

function permissions(): Raise {
  const world = managing();
  const destination = destinationOf(world, FILE);
  const rights = {
    found: 'mode 644',
    wanted: 'mode 600',
    wider: true,
    repair: 'chmod 600 /run/footage/.env',
  };
  const policy = { check: HOUR, onDrift: 'alert' } as const;
  return raised('file-permissions', [
    rightsAlert({ destination, rights, policy, written: false }, world.now),
  ]);
}

function restored(): Raise {
  const world = managing();
  world.advance(10 * DAY);
  world.provider.issue('later', world.now);
  Object.assign(world.shelf(FILE), { value: 'later', mark: world.mark(7) });
  world.advance(DAY);
  return raised('state-restored', world.told);
}

export const LIFECYCLE = {
  'rotation-completed': completed,
  'rotation-failed': failed,
  'rotation-attention': () => raised('rotation-attention', unpublished(SEALED, 4 * DAY).told),
  'rotation-overdue': overdue,
  'publish-failed': () => raised('publish-failed', unpublished(FORBIDDEN, HOUR).told),
  'store-unreachable': () => raised('store-unreachable', unpublished(SEALED, HOUR).told),
  'key-orphaned': orphaned,
  'foreign-mint': foreign,
  'store-drift': drifted,
  'old-key-in-use': straggling,
  'credential-rejected': rejected,
  'key-compromised': compromised,
  'rollback-ends': rolledBack,
  'hook-failed': hookFailed,
  'rotation-due': () => raised('rotation-due', guided(87)),
  'inactivity-expiry': () =>
    raised('inactivity-expiry', guided(80, { inactivity: 90 * DAY, every: 1_000 * DAY })),
  'file-permissions': permissions,
  'state-restored': restored,
} satisfies Partial<Record<AlertKind, Raiser>>;
