import { type AlertKind, DAY, type Finding, type Severity } from '../model/index.ts';
import { type Json, list, record, text } from './stored.ts';

/** Stories kept apart; past it, findings are told as they come. */
const STORIES = 500;
/** Findings in one story; further ones are told as they come. */
const MEMBERS = 12;

const GRAVITY: Readonly<Record<Severity, number>> = { critical: 2, warning: 1, info: 0 };

/** They say that somebody was let in: of equally grave findings they bear, and take over from what only tried. */
const LET_IN: readonly AlertKind[] = [
  'failures-then-success',
  'retired-key-use',
  'unregistered-geolocation',
  'impossible-travel',
  'outside-allowlist',
];
/** Among equals the first bears: what says most about what somebody is doing. */
const RANK: readonly AlertKind[] = [
  ...LET_IN,
  'auth-failure-spike',
  'volume-surge',
  'dormant-key',
  'unknown-key',
  'plaintext-attempt',
  'rate-limit-saturation',
  'new-client',
];

/** What somebody does to all keys. Whatever else names no key is about several that have nothing to do with one another. */
const ATTACKS: ReadonlySet<AlertKind> = new Set(['auth-failure-spike', 'failures-then-success']);
const SPIKE: AlertKind = 'auth-failure-spike';
/** Failures of each source, on one key, that an attack on all keys explains. */
const FEW = 8;
/** Findings further apart than this are not one doing, ms. */
const NEAR = DAY;

type Member = { finding: Finding; over: boolean };

type Story = {
  readonly serial: number;
  members: Member[];
  /** Whose alerts are open: the bearer's, and until the story is told next those of bearers that it came to be made of. */
  open: string[];
  /** There is something to tell, and to write. */
  news: boolean;
  changed: boolean;
};

/**
 * What several detectors say of one and the same doing: findings within a day that share a source and the key, or that
 * are attacks on all keys. The gravest bears the alert and lists the others; where a graver one joins, or one that
 * says that somebody got in, it takes over and the former bearer's alert ends. The alert stays while any that is as grave
 * as its bearer does; then the gravest of those left takes over. A spike on one key is part of an attack on all where
 * its failures are the attack's and nothing more; what is critical about one key never hides in it.
 *
 * A finding without a source (the feed itself), or about several keys at once, is told as it comes. Memory: at most 500
 * stories of at most 12 findings, each written by itself.
 */
export class Stories {
  readonly #stories = new Map<number, Story>();
  #serial = 0;
  #gone: number[] = [];

  /** Takes up a story that {@link changes} gave. @throws {TypeError} where it is damaged */
  admit(serial: number, stored: Json): void {
    const [open, members] = list(stored);
    const loaded = list(members).map((entry) => {
      const [finding, over] = list(entry);
      return { finding: loadFinding(finding), over: over === 1 };
    });
    this.#stories.set(serial, {
      serial,
      members: loaded,
      open: list(open).map(text),
      news: false,
      changed: false,
    });
    this.#serial = Math.max(this.#serial, serial);
  }

  /** A detector has lost what it knew: nothing of it will ever end by itself. */
  lose(kind: string): void {
    for (const story of this.#stories.values()) {
      const left = story.members.filter(({ finding }) => finding.kind !== kind);
      if (left.length === story.members.length) continue;
      story.members = left;
      story.open = story.open.filter((identity) => memberOf(story, identity) !== null);
      story.news = true;
      story.changed = true;
      if (left.every(({ over }) => over)) this.#drop(story);
    }
  }

  /** What is told of these findings, in their order. */
  tell(findings: readonly Finding[]): Finding[] {
    const told: Finding[] = [];
    for (const finding of findings) {
      const known = this.#of(finding);
      if (finding.ended === true) {
        // What began or grew in this very page is told before its end.
        if (known === null) told.push(finding);
        else told.push(...retell(known), ...this.#end(known, finding));
        continue;
      }
      if (known !== null && !mayStay(known, finding)) leave(known, finding);
      const story = this.#of(finding) ?? this.#placeFor(finding);
      if (story === null) told.push(finding);
      else put(story, finding);
    }
    for (const story of this.#stories.values()) told.push(...retell(story));
    return told;
  }

  #of(finding: Finding): Story | null {
    const wanted = identityOf(finding);
    for (const story of this.#stories.values()) {
      if (story.members.some((member) => identityOf(member.finding) === wanted)) return story;
    }
    return null;
  }

  /** The story that a new finding belongs to: a fresh one, or all that it links, as one. Null where there is no room. */
  #placeFor(finding: Finding): Story | null {
    if (finding.ips.length === 0 || (finding.keyId === null && !ATTACKS.has(finding.kind))) return null;
    const linked = [...this.#stories.values()].filter(({ members }) =>
      members.some((member) => !member.over && sameDoing(member.finding, finding)),
    );
    const [head, ...rest] = linked;
    if (head === undefined) return this.#begin();
    if (linked.reduce((sum, { members }) => sum + members.length, 1) > MEMBERS) return null;
    for (const other of rest) {
      head.members.push(...other.members);
      head.open.push(...other.open);
      this.#drop(other);
    }
    return head;
  }

  #begin(): Story | null {
    if (this.#stories.size >= STORIES) return null;
    this.#serial += 1;
    const story: Story = { serial: this.#serial, members: [], open: [], news: true, changed: true };
    this.#stories.set(story.serial, story);
    return story;
  }

  /** A finding that bears nothing ends all the same: it may have been told before it came to this story. */
  #end(story: Story, finding: Finding): Finding[] {
    const member = memberOf(story, identityOf(finding));
    if (member === null) return [finding];
    const { ended: _, ...last } = finding;
    member.over = true;
    member.finding = last;
    // What the attack on all keys did to one of them is over with it.
    for (const other of story.members) {
      if (isPart(other.finding, last) && other.finding.lastEventAt <= last.lastEventAt) other.over = true;
    }
    story.changed = true;
    const told = story.open.includes(identityOf(finding)) ? [] : [finding];
    for (const identity of story.open) {
      const bearer = memberOf(story, identity);
      if (bearer === null || !bearer.over || story.members.some((other) => holds(other, bearer))) continue;
      told.push({ ...withOthers(story, bearer.finding), ended: true });
      story.open = story.open.filter((other) => other !== identity);
      story.news = true;
    }
    told.push(...retell(story));
    if (story.members.every(({ over }) => over)) this.#drop(story);
    return told;
  }

  #drop(story: Story): void {
    this.#stories.delete(story.serial);
    this.#gone.push(story.serial);
  }

  /** The stories that changed since the last call, and the serials of those that are over. */
  changes(): {
    readonly put: readonly (readonly [serial: number, body: Json])[];
    readonly drop: readonly number[];
  } {
    const drop = this.#gone;
    this.#gone = [];
    const changed = [...this.#stories.values()].filter((story) => story.changed);
    for (const story of changed) story.changed = false;
    const bodies = changed.map(({ serial, open, members }): readonly [number, Json] => [
      serial,
      [open, members.map(({ finding, over }) => [finding as unknown as Json, over ? 1 : 0])],
    ]);
    return { put: bodies, drop };
  }
}

function identityOf({ kind, condition }: Finding): string {
  return `${kind} ${condition}`;
}

/** They share a source and the key, or are of an attack on all keys, and lie within a day. */
function sameDoing(a: Finding, b: Finding): boolean {
  if (a.keyId !== b.keyId && !isPart(a, b) && !isPart(b, a)) return false;
  if (a.firstEventAt > b.lastEventAt + NEAR || b.firstEventAt > a.lastEventAt + NEAR) return false;
  return a.ips.some((ip) => b.ips.includes(ip));
}

/**
 * Whether a spike on one key is no more than what an attack on all keys does to it: most of its sources are the attack's,
 * and each has failed a few times. A source that is busy with this key alone is told by itself, whatever else it tried.
 */
function isPart(spike: Finding, attack: Finding): boolean {
  if (spike.kind !== SPIKE || attack.kind !== SPIKE || attack.keyId !== null) return false;
  if (spike.keyId === null || spike.severity === 'critical') return false;
  const shared = spike.ips.filter((ip) => attack.ips.includes(ip)).length;
  return 2 * shared >= spike.ips.length && Number(spike.evidence.count) <= FEW * spike.ips.length;
}

/** A spike that has outgrown the attack on all keys is told by itself. */
function mayStay({ members }: Story, finding: Finding): boolean {
  return finding.keyId === null || members.every(({ finding: { keyId } }) => keyId === finding.keyId)
    ? true
    : members.some((member) => isPart(finding, member.finding));
}

function leave(story: Story, finding: Finding): void {
  const identity = identityOf(finding);
  story.members = story.members.filter((member) => identityOf(member.finding) !== identity);
  story.open = story.open.filter((open) => open !== identity);
  story.news = true;
  story.changed = true;
}

/** Whether it goes on, and is as grave as the bearer: then its alert does too. */
function holds({ over, finding }: Member, bearer: Member): boolean {
  return !over && GRAVITY[finding.severity] >= GRAVITY[bearer.finding.severity];
}

function memberOf({ members }: Story, identity: string): Member | null {
  return members.find(({ finding }) => identityOf(finding) === identity) ?? null;
}

function put(story: Story, finding: Finding): void {
  const member = memberOf(story, identityOf(finding));
  if (member === null) story.members.push({ finding, over: false });
  else Object.assign(member, { finding, over: false });
  story.news = true;
  story.changed = true;
}

/** The bearer as it stands now, and the ends of those that bear no longer. */
function retell(story: Story): Finding[] {
  if (!story.news) return [];
  story.news = false;
  story.changed = true;
  const [gravest] = story.members
    .filter(({ over, finding }) => !over || story.open.includes(identityOf(finding)))
    .sort((a, b) => graver(a.finding, b.finding, story.open));
  if (gravest === undefined) return [];
  const bearer = identityOf(gravest.finding);
  const former = story.open.filter((identity) => identity !== bearer);
  story.open = [bearer];
  const ends = former.flatMap((identity) => endOf(story, identity, gravest.finding.at));
  return [withOthers(story, gravest.finding), ...ends];
}

/** The graver first; among equals what says that somebody was let in, then whoever bears already, then by rank and name. */
function graver(a: Finding, b: Finding, open: readonly string[]): number {
  const bears = (finding: Finding) => (open.includes(identityOf(finding)) ? 0 : 1);
  const tries = (finding: Finding) => (LET_IN.includes(finding.kind) ? 0 : 1);
  return (
    GRAVITY[b.severity] - GRAVITY[a.severity] ||
    tries(a) - tries(b) ||
    bears(a) - bears(b) ||
    RANK.indexOf(a.kind) - RANK.indexOf(b.kind) ||
    (identityOf(a) < identityOf(b) ? -1 : 1)
  );
}

function withOthers({ members }: Story, finding: Finding): Finding {
  const own = identityOf(finding);
  const others = members.map((member) => member.finding).filter((other) => identityOf(other) !== own);
  if (others.length === 0) return finding;
  others.sort((a, b) => graver(a, b, []));
  const also = others.map(({ kind, severity, title }) => ({ kind, severity, title }));
  return {
    ...finding,
    also,
    evidence: { ...finding.evidence, also: also.map(({ kind, title }) => `${kind}: ${title}`) },
  };
}

/** Another one bears the alert from then on. */
function endOf(story: Story, identity: string, at: number): Finding[] {
  const member = memberOf(story, identity);
  return member === null ? [] : [{ ...member.finding, at: Math.max(at, member.finding.at), ended: true }];
}

function loadFinding(stored: Json | undefined): Finding {
  const finding = record(stored);
  text(finding.kind);
  text(finding.condition);
  list(finding.ips);
  return stored as unknown as Finding;
}
