import type { Message } from '../../src/channels/contract.ts';
import { DAY, HOUR, KeywardenError, MINUTE, Secret } from '../../src/model/index.ts';
import { forget, reconsent } from './applications.ts';
import { CREDENTIAL } from './config.ts';
import type { Machine, World } from './ground.ts';
import type { Act } from './plan.ts';

/** Somebody does this now, at the first machine that runs. */
export function act(world: World, what: Act): void {
  world.trace.add(`${world.time} somebody: ${what}`);
  const deed = DEEDS[what];
  const machine = world.machines.find(({ life }) => life !== null && life.pausedUntil <= world.time);
  if (deed === undefined || machine === undefined) return;
  const asked = deed(world, machine);
  if (asked === undefined) return;
  world.touched = true;
  asked.catch((error: unknown) => {
    if (!(error instanceof KeywardenError)) world.defect(error, what);
  });
}

type Deed = (world: World, machine: Machine) => Promise<unknown> | undefined;

const ACTOR = 'ops';

const rotate =
  (emergency: boolean): Deed =>
  (_, { commands }) =>
    commands?.rotate(CREDENTIAL, { emergency, reason: 'asked', actor: ACTOR, requestKey: null });

const DEEDS: Partial<Readonly<Record<Act, Deed>>> = {
  rotate: rotate(false),
  emergency: rotate(true),
  adopt: (_, { commands }) => commands?.adopt(CREDENTIAL, ACTOR),
  import: (world, { commands }) => {
    // A person makes a key in the console: it has no signer, and ends nothing.
    const key = world.issuer.makeByHand();
    return commands?.adoptValue(CREDENTIAL, Secret.from(key.value), ACTOR);
  },
  acknowledge: (world, { commands }) => {
    const open = [...world.ledger.alerts.values()].find(({ state }) => state === 'triggered');
    return open === undefined ? undefined : commands?.acknowledge(open.id, ACTOR);
  },
  'revoke-retiring': (world) => {
    const retiring = [...world.ledger.versions.values()].find(({ state }) => state === 'retiring');
    const key = retiring?.keyId == null ? undefined : world.issuer.keys.get(retiring.keyId);
    if (key !== undefined) world.issuer.revoke(key);
    return undefined;
  },
  'revoke-current': (world) => {
    const key = currentKey(world);
    if (key !== null) world.issuer.revoke(key);
    return undefined;
  },
  'foreign-mint': (world) => {
    const key = currentKey(world);
    if (key !== null && world.issuer.accepts(key)) world.issuer.rotate(key.value, null, 'others');
    return undefined;
  },
  compromise: (_, { commands }) =>
    commands?.compromise(CREDENTIAL, { keyId: null, reason: 'found in a log', actor: ACTOR }),
  rollback: (_, { commands }) =>
    commands?.rollback(CREDENTIAL, { until: null, reason: 'asked', actor: ACTOR }),
  pause: (world, { commands }) => {
    // Nobody means it for ever.
    world.at(world.people.spread(HOUR, 2 * DAY), () => act(world, 'resume'));
    return commands?.pause(CREDENTIAL, { until: null, reason: 'asked', actor: ACTOR });
  },
  resume: (_, { commands }) => commands?.resume(CREDENTIAL, ACTOR),
  retry: (world, { commands }) => onOpen(world, (id) => commands?.retry(id, ACTOR)),
  abandon: (world, { commands }) => onOpen(world, (id) => commands?.abandon(id, ACTOR)),
  disconnect: ({ ledger, authorizer }) => {
    const [given] = [...ledger.grants.values()].filter(({ state }) => state === 'active').slice(-1);
    const token = given === undefined ? undefined : ledger.refreshTokens.get(given.subject);
    if (token !== undefined) authorizer.disconnect(token);
    return undefined;
  },
  forget: (world, { grants }) => forget(world, grants),
  tamper: (world) => {
    const place = world.places[0];
    if (place?.content != null) world.spoil(place, place.content.value, null);
    return undefined;
  },
};

function onOpen(
  world: World,
  way: (id: string) => Promise<unknown> | undefined,
): Promise<unknown> | undefined {
  const [open] = world.ledger.open;
  return open === undefined ? undefined : way(open.id);
}

function currentKey({ ledger, issuer }: World) {
  const id = ledger.current?.keyId;
  return id == null ? null : (issuer.keys.get(id) ?? null);
}

/** What whoever is on call does about an alert, hours later: what its text says. */
export function answerTheCall(world: World, { event, alert }: Message): void {
  if (event === 'trigger' && alert.kind === 'consent-required') reconsent(world, alert);
  if (event !== 'trigger' || alert.severity !== 'critical') return;
  const wait = world.people.spread(20 * MINUTE, 12 * HOUR);
  if (alert.kind === 'credential-rejected') world.at(wait, () => replaceByHand(world));
  if (alert.kind === 'rotation-attention' && world.plan.attentive) world.at(wait, () => act(world, 'retry'));
}

/** Until it is done: the first attempt may have met a process that died. */
function replaceByHand(world: World): void {
  const current = currentKey(world);
  if (current !== null && world.issuer.accepts(current)) return;
  act(world, 'import');
  world.at(HOUR, () => replaceByHand(world));
}
