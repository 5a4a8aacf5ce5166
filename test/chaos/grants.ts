import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyedHash } from '../../src/engine/hash.ts';
import type { HeldGrant } from '../../src/model/index.ts';
import { Stream } from '../simulation/streams.ts';
import type { SpawnedDaemon } from '../support/spawned-daemon.ts';
import { firstToken } from '../support/token-server.ts';
import { type Answer, type GrantsWorld, grantsWorld } from './grants-world.ts';

export type GrantsReport = {
  readonly kills: number;
  readonly graceMs: number;
  readonly refreshed: number;
  /** Refreshes that were sent once more within the grace. */
  readonly replayed: number;
  /** Grants that moved in. */
  readonly grants: number;
  /** Whose refresh token the server refuses. */
  readonly lost: number;
  /** Of these, those that Keywarden knew it might have lost: the refresh was written down before it was sent. */
  readonly marked: number;
  /** Everything that must not be, for a person; empty: all is well. */
  readonly faults: readonly string[];
};

/** Applications that ask at any time. */
const SIDE_BY_SIDE = 32;

/** How long a start may take, and everything to come to rest after the last kill, ms. */
const PATIENCE = 60_000;

/** The life of an access token: short, so that those in use are refreshed without anybody's asking too, s. */
const ACCESS_LIFE = 8;

/** How long the server takes for an answer, ms. */
const LATENCY = 40;

/**
 * Without a grace each kill loses what is under way. A client of which 20 grants are refused within five minutes is paused,
 * and nothing would be under way at the next kill: the loss is spread over so many clients.
 */
const CLIENTS = 16;

/** So many kills these clients bear, two grants of each being under way at any: then others take their place. */
const KILLS_BORNE = 6;

type Options = {
  readonly seed: number;
  readonly kills: number;
  readonly graceMs: number;
  /** The daemon's file. */
  readonly program: string;
};

/**
 * A daemon killed by SIGKILL while 32 grants are being refreshed. The server rotates every refresh token: one whose answer
 * was lost works within the grace, and never again without one.
 */
export async function killGrants(
  options: Options,
  onKill: (kill: number) => void = () => undefined,
): Promise<GrantsReport> {
  const { graceMs, kills, seed } = options;
  const most = graceMs > 0 ? kills : KILLS_BORNE;
  const reports: GrantsReport[] = [];
  for (let done = 0; done < kills; done += most) {
    const round = { ...options, seed: seed + done, kills: Math.min(most, kills - done) };
    reports.push(await killRound(round, (kill) => onKill(done + kill)));
  }
  const sum = (count: (report: GrantsReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    kills,
    graceMs,
    refreshed: sum(({ refreshed }) => refreshed),
    replayed: sum(({ replayed }) => replayed),
    grants: sum(({ grants }) => grants),
    lost: sum(({ lost }) => lost),
    marked: sum(({ marked }) => marked),
    faults: reports.flatMap(({ faults }) => faults),
  };
}

/** With a server, a state and clients of its own. */
async function killRound(
  { graceMs, kills, seed, program }: Options,
  onKill: (kill: number) => void,
): Promise<GrantsReport> {
  const clients = Array.from({ length: graceMs > 0 ? 1 : CLIENTS }, (_, nth) => `footage-${nth}`);
  await using world = await grantsWorld(
    { latencyMs: LATENCY, graceMs, accessLifeSeconds: ACCESS_LIFE },
    clients,
  );
  const run = new Run(world, { clients, seed, program });
  try {
    await run.begin();
    for (let kill = 1; kill <= kills; kill += 1) {
      await run.liveAndDie(graceMs === 0);
      onKill(kill);
    }
    await run.settle();
    return await run.report(kills, graceMs);
  } finally {
    await run.end();
  }
}

/** A grant by whose it is. */
type Name = { readonly client: string; readonly subject: string };

class Run {
  readonly #world: GrantsWorld;
  readonly #clients: readonly string[];
  readonly #moments: Stream;
  readonly #program: string;
  readonly #faults: string[] = [];
  #grants: readonly Name[] = [];
  #next = 0;
  #daemon: SpawnedDaemon;

  constructor(
    world: GrantsWorld,
    {
      clients,
      seed,
      program,
    }: { readonly clients: readonly string[]; readonly seed: number; readonly program: string },
  ) {
    this.#world = world;
    this.#clients = clients;
    this.#moments = new Stream(seed, 'moments');
    this.#program = program;
    this.#daemon = world.start(program);
  }

  async begin(): Promise<void> {
    await this.#ready();
    await this.#moveIn(2 * SIDE_BY_SIDE);
  }

  /**
   * Applications ask for tokens until the daemon dies; the next one is started at once.
   *
   * @param loses what is under way: as many grants move in anew
   */
  async liveAndDie(loses: boolean): Promise<void> {
    if (loses) await this.#moveIn(SIDE_BY_SIDE);
    const ended = new AbortController();
    const applications = Array.from({ length: SIDE_BY_SIDE }, () => this.#use(ended.signal));
    await this.#untilUnderWay();
    if (this.#daemon.ended) throw new Error(`the daemon ended by itself:\n${this.#daemon.said}`);
    await this.#daemon.kill();
    ended.abort();
    await Promise.all(applications);
    this.#daemon = this.#world.start(this.#program);
    await this.#ready();
  }

  /** Until the server has taken some requests more, and its answers are on their way or just being written down. */
  async #untilUnderWay(): Promise<void> {
    const { server } = this.#world;
    const wanted = (await server.stats()).requests + this.#moments.whole(1, 4 * SIDE_BY_SIDE);
    const deadline = performance.now() + PATIENCE;
    while ((await server.stats()).requests < wanted) {
      if (performance.now() > deadline) throw new Error(`nothing is refreshed:\n${this.#daemon.said}`);
      await sleep(2);
    }
    await sleep(this.#moments.whole(0, LATENCY + 10));
  }

  /** Each grant is refreshed once more: the server tells whether it still can be. */
  async settle(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    await sideBySide(this.#grants, (name) => this.#settleOne(name, deadline));
    const code = await this.#daemon.stop();
    if (code !== 0) this.#faults.push(`it ended with ${code} at SIGTERM: ${this.#daemon.said}`);
  }

  async end(): Promise<void> {
    if (!this.#daemon.ended) await this.#daemon.kill();
  }

  async report(kills: number, graceMs: number): Promise<GrantsReport> {
    const { server } = this.#world;
    const standings = new Map((await server.grants()).map((standing) => [standing.name, standing]));
    const left = await readAll(this.#world, this.#grants);
    const { refreshed, replayed } = await server.stats();
    let [lost, marked] = [0, 0];
    for (const { subject } of this.#grants) {
      const [theirs, ours] = [standings.get(subject), left.get(subject)];
      if (ours === undefined) this.#faults.push(`${subject} is gone from the state`);
      if (ours === undefined || theirs === undefined) continue;
      if (!theirs.dead && ours.held.refresh.reveal() === theirs.current) {
        if (ours.held.grant.state !== 'active')
          this.#faults.push(`${subject} works and is taken to be dead: ${ours.held.grant.reason}`);
        continue;
      }
      lost += 1;
      if (isMarked(ours)) marked += 1;
      else this.#faults.push(`${subject} was lost and nobody knows: ${JSON.stringify(ours.held.grant)}`);
      if (graceMs > 0) this.#faults.push(`${subject} was lost within the grace: ${ours.held.grant.reason}`);
    }
    return {
      kills,
      graceMs,
      refreshed,
      replayed,
      grants: this.#grants.length,
      lost,
      marked,
      faults: this.#faults,
    };
  }

  /** One application: it says of each token that it is refused, so that the next is fetched at once. */
  async #use(signal: AbortSignal): Promise<void> {
    let name = this.#fresh();
    let version: unknown = null;
    while (!signal.aborted) {
      const answer = await this.#ask(name, version);
      if (answer === null) return;
      if (answer.status === 200 && answer.body.version !== version) version = answer.body.version;
      else [name, version] = [this.#fresh(), null];
    }
  }

  async #settleOne(name: Name, deadline: number): Promise<void> {
    const held = await this.#tokenOf(name, null, deadline);
    const fresh = held?.status === 200 ? await this.#tokenOf(name, held.body.version, deadline) : held;
    if (fresh?.status !== 200 && fresh?.status !== 409)
      this.#faults.push(`${name.subject} came not to rest: ${JSON.stringify(fresh)}`);
  }

  /** Asks until there is a token, or there will never be one. */
  async #tokenOf(name: Name, version: unknown, deadline: number): Promise<Answer> {
    for (;;) {
      const answer = await this.#ask(name, version);
      if (answer?.status === 200 || answer?.status === 409 || performance.now() > deadline) return answer;
      await sleep(100);
    }
  }

  /** @param version of a token that is said to be refused; null: none was had */
  #ask({ client, subject }: Name, version: unknown): Promise<Answer> {
    const query = version === null ? '' : `?rejected=${version}`;
    return this.#world.call('GET', `/v1/oauth/${client}/grants/${subject}/access-token${query}`);
  }

  #fresh(): Name {
    const name = this.#grants[this.#next % this.#grants.length];
    if (name === undefined) throw new Error('no grant has moved in');
    this.#next += 1;
    return name;
  }

  /** Each is tried once: a grant that never was would be refreshed without anybody's asking, beside those that are counted. */
  async #moveIn(count: number): Promise<void> {
    const first = this.#grants.length;
    const names = Array.from({ length: count }, (_, nth) => ({
      client: this.#clients[nth % this.#clients.length] ?? '',
      subject: `u${first + nth}`,
    }));
    await sideBySide(names, async (name) => {
      const { client, subject } = name;
      const grant = { subject, refreshToken: firstToken(subject), scope: 'asset:download' };
      const moved = await this.#world.call('POST', `/v1/oauth/${client}/grants`, grant);
      if (moved?.status !== 201) throw new Error(`a grant could not move in: ${JSON.stringify(moved)}`);
      const tried = await this.#tokenOf(name, null, performance.now() + PATIENCE);
      if (tried?.status !== 200) throw new Error(`a grant that moved in fails: ${JSON.stringify(tried)}`);
    });
    this.#grants = [...this.#grants, ...names];
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!this.#daemon.isReady) {
      if (this.#daemon.ended || performance.now() > deadline)
        throw new Error(`the daemon did not become ready:\n${this.#daemon.said}`);
      await sleep(10);
    }
  }
}

async function sideBySide(names: readonly Name[], work: (name: Name) => Promise<void>): Promise<void> {
  const left = names.values();
  const worker = async () => {
    for (const name of left) await work(name);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}

/** What is left of a grant once the daemon is gone, and whether the refresh token that it holds was written down as sent. */
type Left = { readonly held: HeldGrant; readonly attempted: boolean };

async function readAll(world: GrantsWorld, names: readonly Name[]): Promise<ReadonlyMap<string, Left>> {
  const state = await world.open();
  try {
    const hash = createKeyedHash(await state.fingerprintKey());
    const left = new Map<string, Left>();
    for (const { client, subject } of names) {
      const held = await state.grant(client, subject);
      if (held === null) continue;
      const attempted = held.grant.attempt?.fingerprint === hash.fingerprint(held.refresh);
      left.set(subject, { held, attempted });
    }
    return left;
  } finally {
    await state.close();
  }
}

/** The refresh whose answer was lost had been written down, or the user was asked for already. */
function isMarked({ held, attempted }: Left): boolean {
  return attempted || held.grant.state === 'consent-required';
}
