import { DAY, type Finding, formatTime } from '../model/index.ts';
import { type Case, Cases } from './cases.ts';
import { clientOf, remembered } from './clients.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';
import { type Habit, Notes, type Source } from './habits.ts';
import { networkOf } from './ip.ts';
import { LATENESS } from './log-clock.ts';
import { replaceOrder } from './orders.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, text } from './stored.ts';

/** For so long a key's clients are learnt. */
const LEARN = 14 * DAY;
/** More of either in that time are no machine's. */
const STABLE = { agents: 4, networks: 8 } as const;
/** Kept of a key; past it the one unused for longest goes. */
const KEPT = { agents: 6, networks: 16 } as const;
/** An incident of one key and network is over after a day without such a call. */
const QUIET = DAY;

/** When it was first used, ms, and last, in days. */
type Use = { first: number; day: number };
type Uses = Map<string, Use>;

/** What a key is used with. `agents` null: it is no machine's. `forgotten`: how often a use made room for another; not stored. */
type Clients = {
  since: number;
  agents: Uses | null;
  networks: Uses;
  /** It is to be written. */
  news: boolean;
  forgotten: number;
};

/**
 * Sees accepted calls with a machine's key by a user agent and from a network (/24, /48) that both are new to it. A
 * machine's is a key that in its first 14 days had at most 4 user agents and 8 networks; nothing is said in that time.
 * User agents are compared without versions, so that a deploy is no new client; what is new on one side alone (a machine
 * moved, another tool on it) is learnt in silence, and so is what was told.
 *
 * Memory: at most 6 user agents and 16 networks of each key; one case for each key and network, at most 500.
 */
export const newClient: DetectorFactory = { form: 1, make };

function make({ rules, stored }: DetectorInput): Detector {
  const on = rules.detectors['new-client'] !== undefined;
  const notes = new Notes<Clients>('new-client', { load, write, told: true });
  const agentOf = remembered(clientOf);
  const siteOf = remembered(networkOf);
  const cases = new Cases({ quiet: QUIET, news: () => false, describe }, stored);
  return {
    see(sight) {
      if (!on || sight.verdict !== 'accepted' || sight.key === null || sight.habit === null) return;
      const { at, event, habit } = sight;
      const clients = notes.at(habit) ?? begin(notes, sight, habit);
      if (clients.agents === null) return;
      const day = Math.floor(at / DAY);
      const { source } = sight;
      if (source === null || isUsual(source, sight, clients, day)) return;
      if (at < clients.since) {
        clients.since = at;
        clients.news = true;
      }
      const network = siteOf(event.ip);
      const learning = at < clients.since + LEARN + LATENESS;
      const agentKnown = touch(clients, clients.agents, agentOf(event.userAgent ?? ''), at);
      const networkKnown = touch(clients, clients.networks, network, at);
      if (learning && isVaried(clients.agents, clients.networks, clients.since)) {
        clients.agents = null;
        clients.networks = new Map();
        clients.news = true;
      } else if (agentKnown && networkKnown)
        source.usual = { agent: event.userAgent, at, day, forgotten: clients.forgotten };
      else if (!learning && !agentKnown && !networkKnown && !sight.own())
        cases.note(`${sight.key.keyId} ${network}`, sight, false);
      if (clients.news) notes.changed(habit);
      clients.news = false;
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

/** Whether such a call from the address was found to be usual that day. */
function isUsual({ usual }: Source, { event, at }: Sight, { forgotten }: Clients, day: number): boolean {
  return (
    usual !== null &&
    usual.day === day &&
    usual.agent === event.userAgent &&
    at >= usual.at &&
    usual.forgotten === forgotten
  );
}

/** Whether the key itself, not another of its credential, was used with more than a machine would. */
function isVaried(agents: Uses, networks: Uses, since: number): boolean {
  const own = (uses: Uses, limit: number) =>
    uses.size > limit && [...uses.values()].filter(({ first }) => first >= since).length > limit;
  return own(agents, STABLE.agents) || own(networks, STABLE.networks);
}

/** Takes note of a use; whether it was known before. What came within the log's lateness does not count yet. */
function touch(clients: Clients, uses: Uses, name: string, at: number): boolean {
  const day = Math.floor(at / DAY);
  const known = uses.get(name);
  if (known !== undefined) {
    if (at < known.first || day > known.day) {
      known.first = Math.min(known.first, at);
      known.day = Math.max(known.day, day);
      clients.news = true;
    }
    return known.first < at - LATENESS;
  }
  clients.news = true;
  if (uses.size >= (uses === clients.agents ? KEPT.agents : KEPT.networks)) {
    const [longest] = [...uses].sort(
      ([a, one], [b, other]) => one.day - other.day || one.first - other.first || (a < b ? -1 : 1),
    );
    if (longest !== undefined) uses.delete(longest[0]);
    clients.forgotten += 1;
  }
  uses.set(name, { first: at, day });
  return false;
}

/** A new version of a credential is used with what the others are used with; its own first days are learnt all the same. */
function begin(notes: Notes<Clients>, { key, at, directory, habits }: Sight, habit: Habit): Clients {
  const clients = notes.of(habit);
  clients.since = at;
  if (key === null || key.credential === null) return clients;
  for (const keyId of directory.keysOf(key.credential)) {
    const other = keyId === habit.keyId ? undefined : habits.of(keyId);
    const known = other === undefined ? null : notes.at(other);
    if (known === null || clients.agents === null) continue;
    if (known.agents === null) clients.agents = null;
    else {
      adopt(clients.agents, known.agents, STABLE.agents);
      adopt(clients.networks, known.networks, STABLE.networks);
    }
  }
  return clients;
}

function adopt(uses: Uses, known: Uses, limit: number): void {
  const latest = [...known].sort(([, one], [, other]) => other.day - one.day);
  for (const [name, use] of latest) if (uses.size < limit && !uses.has(name)) uses.set(name, { ...use });
}

function load(stored: Json | undefined): Clients {
  if (stored === undefined)
    return { since: 0, agents: new Map(), networks: new Map(), news: true, forgotten: 0 };
  const [since, agents, networks] = list(stored);
  return {
    since: number(since),
    agents: agents === null ? null : loadUses(agents),
    networks: loadUses(networks),
    news: false,
    forgotten: 0,
  };
}

function write({ since, agents, networks }: Clients): string {
  return JSON.stringify([since, agents === null ? null : saveUses(agents), saveUses(networks)]);
}

function loadUses(stored: Json | undefined): Uses {
  return new Map(
    list(stored).map((entry) => {
      const [name, first, day] = list(entry);
      return [text(name), { first: number(first), day: number(day) }];
    }),
  );
}

function saveUses(uses: Uses): Json {
  return Array.from(uses, ([name, { first, day }]) => [name, first, day]);
}

function describe(found: Case): Finding {
  const { evidence, keyId, credential, count } = found;
  const name = keyId ?? 'several keys';
  const whose = credential === null ? '' : ` of ${credential}`;
  const agent = evidence.userAgents[0] ?? 'no user agent';
  return {
    kind: 'new-client',
    severity: 'info',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: found.firstAt,
    lastEventAt: found.lastAt,
    title: `${name} used by a new client, ${agent}, from ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `The provider accepted ${count} ${count === 1 ? 'call' : 'calls'} with ${name}${whose} by ${agent} from a network it was never used from (${formatTime(found.firstAt)}). The key has few clients, and this is none of them.`,
    action: `If nobody put the key to use there: ${replaceOrder(credential, keyId)}. If somebody did, nothing is to be done: the client is known from now on.`,
    evidence: { keyId, count, ...evidence.lists() },
  };
}
