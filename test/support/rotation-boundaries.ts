import { expect } from 'vitest';
import { DAY } from '../../src/model/index.ts';
import type { SlackMessage } from '../../src/sandbox/index.ts';
import { openWorld, type World } from './world.ts';

/** The nth time that each boundary is passed in one rotation. */
export class Passage {
  readonly #times = new Map<string, number>();

  /** The boundary's name with its ordinal. */
  name(boundary: string): string {
    const times = (this.#times.get(boundary) ?? 0) + 1;
    this.#times.set(boundary, times);
    return times === 1 ? boundary : `${boundary}, time ${times}`;
  }
}

/**
 * A world whose key is replaced every five days, over and over; in each rotation its daemon can be killed at one
 * boundary. The days between are the same every time, so that all rotations pass the same boundaries.
 */
export class RotationAfterRotation {
  readonly world: World;
  #passage = new Passage();
  #onBoundary: (name: string) => boolean = () => false;

  private constructor(world: World) {
    this.world = world;
  }

  static async open(): Promise<RotationAfterRotation> {
    let made: RotationAfterRotation | null = null;
    const killable = (name: string) => made?.pass(name) ?? false;
    const world = await openWorld({ rotation: { every: '5d' }, killable });
    made = new RotationAfterRotation(world);
    await world.advance(5 * DAY - 1);
    // The first one differs: the destinations' secrets are only just there.
    await made.boundaries();
    return made;
  }

  pass(boundary: string): boolean {
    return this.#onBoundary(this.#passage.name(boundary));
  }

  /** Lets one rotation pass undisturbed, and tells every boundary of it in order. */
  async boundaries(): Promise<readonly string[]> {
    const names: string[] = [];
    this.#onBoundary = (name) => {
      names.push(name);
      return false;
    };
    await this.#rotateOnce();
    return names;
  }

  /** One rotation with a kill at `boundary`, and all that must hold afterwards. */
  async survive(boundary: string): Promise<void> {
    const { world } = this;
    const before = {
      starts: world.starts,
      messages: world.sandbox.slack.messages().length,
      keys: world.sandbox.frameflow.keys().length,
      number: (await world.credential()).versions[0]?.number ?? 0,
    };
    let killed = false;
    this.#onBoundary = (name) => {
      const here = !killed && name === boundary;
      killed ||= here;
      return here;
    };
    await this.#rotateOnce();
    expect([killed, world.starts]).toEqual([true, before.starts + 1]);
    await expectOneRotation(world, before.number + 1);
    await expectNoKeyLost(world, before.keys + 1);
    expectToldOnce(world, before.messages);
  }

  /** From the last moment before it is due to the last before the next one is. */
  async #rotateOnce(): Promise<void> {
    this.#passage = new Passage();
    await this.world.advance('5d');
  }
}

async function expectOneRotation(world: World, number: number): Promise<void> {
  const { open, queued, versions, destinations } = await world.credential();
  expect([open, queued]).toEqual([null, null]);
  const last = await world.rotation();
  expect([last.state, await world.state.journal(last.id)]).toEqual(['completed', null]);
  expect(versions.slice(0, 2).map((version) => `${version.number} ${version.state}`)).toEqual([
    `${number} current`,
    `${number - 1} retired`,
  ]);
  expect(destinations.map(({ state }) => state)).toEqual(['published', 'published', 'published']);
  for (const place of [world.vault, world.aws, world.file]) await place.expectVersion(number);
  const steps = await world.state.steps(last.id);
  expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'mint done',
    'verify done',
    'publish done',
    'publish done',
    'publish done',
    'overlap done',
    'retire done',
  ]);
}

/** One key was minted and no other, and it is held in the state. */
async function expectNoKeyLost(world: World, count: number): Promise<void> {
  const keys = world.sandbox.frameflow.keys();
  expect(keys).toHaveLength(count);
  const newest = keys.at(-1);
  const current = (await world.credential()).versions[0];
  expect([current?.keyId, newest?.state]).toEqual([newest?.id, 'active']);
  expect((await world.state.versionValue(current?.id ?? '')).reveal()).toBe(newest?.value);
}

/** Told for certain; at most once more where the kill fell between the sending and its record, and then marked so. */
function expectToldOnce(world: World, before: number): void {
  const messages = world.sandbox.slack.messages().slice(before);
  const told = world.slack.messages().slice(before);
  expect(new Set(told.map(({ kind }) => kind))).toEqual(new Set(['rotation-completed']));
  expect(told.length).toBeLessThanOrEqual(2);
  expect(told.slice(1).filter(({ repeat }) => !repeat)).toEqual([]);
  expect(new Set(messages.map(alertOf)).size).toBe(1);
  world.pagerduty.expectQuiet();
}

function alertOf({ payload }: SlackMessage): string | undefined {
  return /Alert (\S+) ·/.exec(JSON.stringify(payload))?.[1];
}
