import { type Commands, RefusedError } from '../../src/engine/commands.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { configOf, makeDaemon } from './daemon.ts';
import { type Measured, Recorder } from './recorder.ts';
import { quantile, type Row, rounded } from './row.ts';
import { CREDENTIAL, openWorld, type World } from './world.ts';

export type RotationOptions = {
  readonly rotations?: number;
};

/** How long a replaced key stays valid here: the next rotation waits for it. */
const OVERLAP = 1_000;

/**
 * What a rotation costs beyond what it must: from the moment a mint is decided to the last destination's record that
 * it has the new version, less the plug-ins' calls (HTTP, and the dotenv file with its fsyncs), less the waits that
 * the policy prescribes, less the state's waits for its disk. What runs side by side is counted once: the overhead is
 * the time in which none of that ran.
 */
export async function bench({ rotations = 25 }: RotationOptions = {}): Promise<Row[]> {
  const world = await openWorld(OVERLAP);
  try {
    const daemon = await startRecorded(world);
    try {
      const measured: Measured[] = [];
      for (let turn = 0; turn < rotations; turn += 1) measured.push(await daemon.rotateOnce());
      return rowsOf(measured);
    } finally {
      await daemon.stop();
    }
  } finally {
    await world.end();
  }
}

function rowsOf(measured: readonly Measured[]): Row[] {
  const of = (pick: (one: Measured) => number, share: number) => rounded(quantile(measured.map(pick), share));
  const target = { atMost: 30 };
  const unit = 'ms';
  return [
    { name: 'rotation: mint decided to all published, median', value: of((one) => one.whole, 0.5), unit },
    { name: 'rotation: overhead, median', value: of((one) => one.overhead, 0.5), unit, target },
    { name: 'rotation: overhead, 95th percentile', value: of((one) => one.overhead, 0.95), unit, target },
    {
      name: "rotation: overhead with the waits for the state's disk, median",
      value: of((one) => one.withDisk, 0.5),
      unit,
    },
    {
      name: "rotation: the state's part, median",
      value: of((one) => one.transactions, 0.5),
      unit: 'transactions',
    },
  ];
}

type Recorded = { rotateOnce(): Promise<Measured>; stop(): Promise<void> };

/** A daemon whose calls to plug-ins and to the state are recorded. */
async function startRecorded(world: World): Promise<Recorded> {
  const file = await world.configure('rotation', { stores: ['vault', 'aws'], settle: '50ms' });
  const config = await configOf(world, file);
  const recorder = new Recorder(config.credentials[CREDENTIAL]?.destinations.length ?? 0);
  const { engine, commands, stop } = await makeDaemon(config, recorder);
  const adopted = recorder.everywhere();
  await engine.start();
  await adopted;
  return {
    async rotateOnce() {
      const published = recorder.everywhere();
      await rotateWhenPossible(engine, commands);
      await published;
      return recorder.measured();
    },
    stop,
  };
}

const ASKED = { emergency: false, reason: null, actor: 'bench', requestKey: null };

/** Asks again after each turn until the former rotation's overlap has ended. */
async function rotateWhenPossible(engine: Engine, commands: Commands): Promise<void> {
  const never = new AbortController().signal;
  for (;;) {
    try {
      await commands.rotate(CREDENTIAL, ASKED);
      return;
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'rotation_in_flight') throw error;
      await engine.nextTurn(never);
    }
  }
}
