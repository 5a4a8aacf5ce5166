import type { GrantCommands, HandedOut } from '../../src/engine/grants/contract.ts';
import { type Alert, DAY, HOUR, KeywardenError, SECOND, Secret } from '../../src/model/index.ts';
import { CLIENT } from './config.ts';
import { extent, type Fault } from './faults.ts';
import type { Machine, World } from './ground.ts';
import { Stream } from './streams.ts';

/** How long an application waits for a token. */
const PATIENCE = 30 * SECOND;
const ACTOR = 'app';

/** The applications' users give what they have to give, and the applications ask for tokens as long as the world goes on. */
export function startApplications(world: World): void {
  const { users, askEvery } = world.plan.grants;
  for (let number = 1; number <= users; number += 1) {
    const subject = `user-${number}`;
    const stream = new Stream(world.plan.seed, `application ${subject}`);
    world.at(stream.whole(1, HOUR), () => moveIn(world, subject));
    // Of some nobody asks for days; once all is well each is asked for.
    const pauses = stream.chance(0.3);
    const again = () => {
      const wait = stream.spread(askEvery / 4, askEvery * 2);
      world.at(pauses && world.faulty && stream.chance(0.3) ? 8 * DAY : wait, () => {
        ask(world, subject, null);
        again();
      });
    };
    again();
  }
}

/** A user's grant moves in, tried again until it is there. */
function moveIn(world: World, subject: string): void {
  const known = world.ledger.grants.get(subject);
  if (known !== undefined && known.state !== 'consent-required') return;
  const token = world.authorizer.consent(subject);
  world.at(HOUR, () => moveIn(world, subject));
  const machine = atWork(world);
  if (machine === null) return;
  world.trace.add(`${world.time} ${subject} consents`);
  const taken = { subject, refreshToken: Secret.from(token), scopes: null };
  foreseen(world, machine.grants?.takeOver(CLIENT, [taken], ACTOR));
}

/** The first whose grant is at work leaves, and comes back days later. */
export function forget(world: World, grants: GrantCommands | null): Promise<unknown> | undefined {
  const [known] = [...world.ledger.grants.values()].filter(({ state }) => state === 'active');
  if (known === undefined) return undefined;
  const { subject } = known;
  world.at(DAY, () => comeBack(world, subject));
  return grants?.forget(CLIENT, subject, ACTOR);
}

/** Once it is gone for good: until then nobody can give it anew. */
function comeBack(world: World, subject: string): void {
  if (world.ledger.grants.get(subject)?.state === 'forgotten') world.at(DAY, () => comeBack(world, subject));
  else moveIn(world, subject);
}

/** What the user does, hours later, of whom it is told that the consent is needed anew. */
export function reconsent(world: World, { identity }: Alert): void {
  const [, , condition] = JSON.parse(identity) as readonly [string, string, string];
  const [of, subject] = condition.split(':');
  if (of !== 'subject' || subject === undefined) return;
  const wait = new Stream(world.plan.seed, `consent ${subject} ${world.time}`).spread(HOUR, 2 * DAY);
  world.at(wait, () => moveIn(world, subject));
}

/** An application asks for a token and calls the provider with it; where that refuses it, it says so and asks once more. */
function ask(world: World, subject: string, rejected: number | null): void {
  const machine = atWork(world);
  const life = machine?.life ?? null;
  if (machine === null || life === null) return;
  const { fault, stream } = world.begin('handOut', life);
  world.trace.add(`${world.time} ${machine.index} is asked for ${subject}${fault ? ` !${fault}` : ''}`);
  const size = fault === null ? 0 : Math.round(extent(fault, stream, world.plan.overlap));
  if (fault === 'crash-before') machine.crash(size);
  if (fault === 'clock-step') machine.step(size);
  // Who is dead is not asked.
  if (!life.alive) return;
  const gone = new AbortController();
  const leave = () => {
    world.touched = true;
    gone.abort();
  };
  world.at(fault === 'answer-lost' ? stream.whole(1, SECOND) : PATIENCE, leave);
  const request = { scopes: null, rejected, patienceMs: PATIENCE, signal: gone.signal };
  const answered = machine.grants?.accessToken(CLIENT, subject, request).then((handed) => {
    if (life.alive) life.go(() => used(world, subject, { life, handed, again: rejected === null }));
  });
  foreseen(world, answered);
  if (fault !== null) world.at(stream.whole(1, 400), () => strike(world, machine, fault, size));
}

type Use = {
  readonly life: NonNullable<Machine['life']>;
  readonly handed: HandedOut;
  readonly again: boolean;
};

function used(world: World, subject: string, { life, handed, again }: Use): void {
  const accepted = world.authorizer.accepts(handed.value.reveal());
  world.trace.add(`${world.time} ${subject} has version ${handed.version} ${accepted ? '' : 'refused'}`);
  world.tell('onHandOut', { life, subject, handed });
  if (!accepted && again) world.at(SECOND, () => ask(world, subject, handed.version));
  goOn(world, subject, handed);
}

/** Some are still at work with a fresh token when the most of its life is over: then it is refreshed ahead. */
function goOn(world: World, subject: string, { expiresAt, version }: HandedOut): void {
  const left = expiresAt - world.time;
  const stream = new Stream(world.plan.seed, `work ${subject} ${version}`);
  if (left < 0.95 * world.plan.grants.accessLife || stream.chance(0.4)) return;
  world.at(Math.round(left * (0.65 + 0.25 * stream.next())), () => ask(world, subject, null));
}

/** While the caller waits. */
function strike(world: World, machine: Machine, fault: Fault, size: number): void {
  if (fault === 'applied-crash' || fault === 'down') machine.crash(size);
  if (fault === 'stall') machine.pause(size);
  if (fault === 'restore') world.restore();
}

/** Any that runs. */
function atWork({ machines, time, plan }: World): Machine | null {
  const running = machines.filter(({ life }) => life !== null && life.pausedUntil <= time);
  return running.length === 0 ? null : new Stream(plan.seed, `request ${time}`).pick(running);
}

function foreseen(world: World, asked: Promise<unknown> | undefined): void {
  world.touched = true;
  asked?.catch((error: unknown) => {
    if (!(error instanceof KeywardenError)) world.defect(error, 'an application');
  });
}
