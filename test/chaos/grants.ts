import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyedHash } from '../../src/engine/hash.ts';
import type { HeldGrant } from '../../src/model/index.ts';
import { Stream } from '../simulation/streams.ts';
import type { SpawnedDaemon } from '../support/spawned-daemon.ts';
import { firstToken, type Stats } from '../support/token-server.ts';
import { CLIENT, type GrantsWorld, grantsWorld } from './grants-world.ts';

export type GrantsReport = {
  readonly kills: number;
  readonly graceMs: number;
  readonly server: Stats;
  /** Grants that somebody used. */
  readonly grants: number;
  /** Whose refresh token the server refuses. */
  readonly lost: number;
  /** Of these, those that Keywarden knew it might have lost: the refresh was written down before it was sent. */
  readonly marked: number;
  /** Everything that must not be, for a person; empty: all is well. */
  readonly faults: readonly string[];
};

/** Refreshes that are under way at any time. */
const SIDE_BY_SIDE = 32;

/** How long a start may take, and everything to come to rest after the last kill, ms. */
const PATIENCE = 60_000;

/** The life of an access token: short, so that a grant whose answer was lost is soon probed, s. */
const ACCESS_LIFE = 8;

/** Grants that move in at once. */
const BATCH = 500;

/**
 * A daemon killed by SIGKILL while 32 grants are being refreshed. The server rotates every refresh token: one whose answer
 * was lost works within the grace, and never again without one.
 */
export async function killGrants(
  options: { readonly seed: number; readonly kills: number; readonly graceMs: number },
  onKill: (kill: number) => void = () => undefined,
): Promise<GrantsReport> {
  await using world = await grantsWorld({
    latencyMs: 40,
    graceMs: options.graceMs,
    accessLifeSeconds: ACCESS_LIFE,
  });
  const run = new Run(world, options.seed);
  await run.begin();
  for (let kill = 1; kill <= options.kills; kill += 1) {
    await run.liveAndDie();
    onKill(kill);
  }
  await run.settle();
  return await run.report(options.kills, options.graceMs);
}

class Run {
  readonly #world: GrantsWorld;
  readonly #moments: Stream;
  readonly #used = new Set<string>();
  readonly #faults: string[] = [];
  #moved = 0;
  #next = 0;
  #daemon: SpawnedDaemon;

  constructor(world: GrantsWorld, seed: number) {
    this.#world = world;
    this.#moments = new Stream(seed, 'moments');
    this.#daemon = world.start();
  }

  async begin(): Promise<void> {
    await this.#ready();
    await this.#moveIn();
  }

  /** Applications ask for tokens until the daemon dies; the next one is started at once. */
  async liveAndDie(): Promise<void> {
    if (this.#moved - this.#next < 10 * SIDE_BY_SIDE) await this.#moveIn();
    const ended = new AbortController();
    const applications = Array.from({ length: SIDE_BY_SIDE }, () => this.#use(ended.signal));
    await sleep(20 + this.#moments.whole(0, 400));
    await this.#daemon.kill();
    ended.abort();
    await Promise.all(applications);
    this.#daemon = this.#world.start();
    await this.#ready();
  }

  /** Every grant that was used is asked for once more, after what was handed out has ended. */
  async settle(): Promise<void> {
    await sleep(ACCESS_LIFE * 1_000);
    for (const subject of this.#used) await this.#settleOne(subject);
    await this.#daemon.stop();
  }

  async report(kills: number, graceMs: number): Promise<GrantsReport> {
    const { server } = this.#world;
    const standings = new Map((await server.grants()).map((standing) => [standing.name, standing]));
    const left = await readAll(this.#world, [...this.#used]);
    let [lost, marked] = [0, 0];
    for (const subject of this.#used) {
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
      server: await server.stats(),
      grants: this.#used.size,
      lost,
      marked,
      faults: this.#faults,
    };
  }

  /** One application: it says of each token that it is refused, so that the next is fetched at once. */
  async #use(signal: AbortSignal): Promise<void> {
    let subject = this.#fresh();
    let version: unknown = null;
    while (!signal.aborted) {
      const rejected = version === null ? '' : `?rejected=${version}`;
      const answer = await this.#world.call('GET', `${pathOf(subject)}/access-token${rejected}`);
      if (answer === null) return;
      if (answer.status === 200 && answer.body.version !== version) version = answer.body.version;
      else [subject, version] = [this.#fresh(), null];
    }
  }

  async #settleOne(subject: string): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const answer = await this.#world.call('GET', `${pathOf(subject)}/access-token`);
      if (answer?.status === 200 || answer?.status === 409) return;
      if (performance.now() > deadline) {
        this.#faults.push(`${subject} came not to rest: ${JSON.stringify(answer)}`);
        return;
      }
      await sleep(100);
    }
  }

  #fresh(): string {
    const subject = `u${this.#next % Math.max(1, this.#moved)}`;
    this.#next += 1;
    this.#used.add(subject);
    return subject;
  }

  async #moveIn(): Promise<void> {
    const grants = Array.from({ length: BATCH }, (_, index) => {
      const subject = `u${this.#moved + index}`;
      return { subject, refreshToken: firstToken(subject), scope: 'asset:download' };
    });
    for (const grant of grants) {
      const answer = await this.#world.call('POST', `/v1/oauth/${CLIENT}/grants`, grant);
      if (answer?.status !== 201) throw new Error(`a grant could not move in: ${JSON.stringify(answer)}`);
    }
    this.#moved += BATCH;
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

/** What is left of a grant once the daemon is gone, and whether the refresh token that it holds was written down as sent. */
type Left = { readonly held: HeldGrant; readonly attempted: boolean };

async function readAll(world: GrantsWorld, subjects: readonly string[]): Promise<ReadonlyMap<string, Left>> {
  const state = await world.open();
  try {
    const hash = createKeyedHash(await state.fingerprintKey());
    const left = new Map<string, Left>();
    for (const subject of subjects) {
      const held = await state.grant(CLIENT, subject);
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

const pathOf = (subject: string): string => `/v1/oauth/${CLIENT}/grants/${subject}`;
