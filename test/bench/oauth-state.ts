import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Change, type Claim, type Grant, type GrantDue, Secret } from '../../src/model/index.ts';
import { grantsLane, type State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import { median, type Row, rounded } from './row.ts';

export type OAuthStateOptions = {
  readonly grants?: number;
  readonly few?: number;
  readonly claims?: number;
};

const CLIENT = 'footage-app';
const LANE = grantsLane(CLIENT);
const HOUR = 3_600_000;
const MB = 1_000_000;

/** Grants a commit, and commits that share a transaction: their subjects lie anywhere in the index, so few large ones are quick. */
const A_COMMIT = 500;
const AT_ONCE = 80;

/**
 * A state with a million grants: its size on the disk, and what the loop asks of it all the time, beside the same with ten
 * thousand. The tokens have 40 characters, the subjects are UUIDs.
 */
export async function bench(options: OAuthStateOptions = {}): Promise<Row[]> {
  const { grants = 1_000_000, few = 10_000, claims = 40 } = options;
  const small = await measure(few, claims);
  const large = await measure(grants, claims);
  const many = grants.toLocaleString('en-US');
  return [
    {
      name: `oauth: ${many} grants on the disk`,
      value: Math.round(large.bytes / MB),
      unit: 'MB',
      target: { atMost: 500 },
    },
    {
      name: `oauth: claim of the next 100 of ${many}`,
      value: rounded(large.claim, 2),
      unit: 'ms',
      target: { atMost: 5 },
    },
    {
      name: `oauth: the same beside ${few.toLocaleString('en-US')}`,
      value: rounded(large.claim / small.claim, 2),
      unit: '×',
      target: { atMost: 1.5 },
    },
    { name: `oauth: when the next of ${many} is due`, value: rounded(large.next, 2), unit: 'ms' },
    { name: `oauth: how many of ${many} are in each state`, value: rounded(large.counts, 2), unit: 'ms' },
    { name: 'oauth: grants that move in', value: Math.round(large.filled), unit: '/s' },
    { name: 'oauth: refreshes that the state alone takes', value: Math.round(large.refreshes), unit: '/s' },
  ];
}

type Measured = {
  readonly bytes: number;
  readonly claim: number;
  readonly next: number;
  readonly counts: number;
  readonly filled: number;
  readonly refreshes: number;
};

async function measure(count: number, turns: number): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  const file = join(folder, 'state', 'keywarden.db');
  const now = Date.now();
  const keys = [Secret.from(randomBytes(32))];
  const open = () => openSqlite({ file, keys, now: Date.now, owner: 'bench' });
  try {
    const filling = await open();
    const filled = await timed(() => fill(filling, count, () => grantPut(now)));
    // Opened again: what was written lies in the file, and nothing in this process.
    await filling.close();
    const state = await open();
    const asked = await ask(state, now, turns);
    const refreshed = Math.min(count / 2, 100 * turns);
    const refreshing = await timed(() => refreshAll(state, now, refreshed));
    await state.close();
    const { size } = await stat(file);
    return {
      ...asked,
      bytes: size,
      filled: count / (filled / 1_000),
      refreshes: refreshed / (refreshing / 1_000),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Commits what `make` gives for 0, 1, 2 …, many at once. */
export async function fill(state: State, count: number, make: (index: number) => Change): Promise<void> {
  for (let done = 0; done < count; ) {
    const commits: Promise<void>[] = [];
    for (; commits.length < AT_ONCE && done < count; done += A_COMMIT) {
      const [first, size] = [done, Math.min(A_COMMIT, count - done)];
      commits.push(state.commit(Array.from({ length: size }, (_, index) => make(first + index))));
    }
    await Promise.all(commits);
  }
}

/** A grant as after a refresh, due within the next hour, unless something else is said. */
export function grantPut(
  now: number,
  {
    refresh = token(),
    due,
    ...own
  }: Partial<Grant> & { readonly refresh?: Secret; readonly due?: GrantDue } = {},
): Change {
  const grant: Grant = {
    client: CLIENT,
    subject: randomUUID(),
    state: 'active',
    reason: null,
    generation: 1,
    scopes: ['asset:download', 'license:purchase'],
    consentedAt: now,
    renewedAt: now,
    refreshExpiresAt: null,
    accessSentAt: now,
    accessExpiresAt: now + HOUR,
    usedAt: now,
    attempt: null,
    accessGeneration: 1,
    rejectedGeneration: null,
    attempts: 0,
    retryAt: null,
    lastError: null,
    ...own,
  };
  const within = { at: now + Math.floor(Math.random() * HOUR), lane: 'idle' } as const;
  return { type: 'grant.put', grant, tokens: { refresh, access: token() }, due: due ?? within };
}

/** 40 characters, opaque. */
const token = () => Secret.from(randomBytes(30).toString('base64url'));

type Asked = Pick<Measured, 'claim' | 'next' | 'counts'>;

/** Medians, ms. What is claimed is given back at once, due after all others. */
async function ask(state: State, now: number, turns: number): Promise<Asked> {
  const claim: number[] = [];
  const next: number[] = [];
  const counts: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    let claims: readonly Claim[] = [];
    claim.push(
      await timed(async () => {
        claims = await claimHundred(state, now);
      }),
    );
    next.push(await timed(() => state.nextDue([LANE])));
    counts.push(await timed(() => state.grantCounts(CLIENT)));
    await Promise.all(
      claims.map((held) => state.commit([], { hold: { claim: held, next: now + 2 * HOUR } })),
    );
  }
  return { claim: median(claim), next: median(next), counts: median(counts) };
}

const claimHundred = (state: State, now: number) =>
  state.claim(LANE, { now: now + HOUR, until: now + 3 * HOUR, limit: 100 });

/** A hundred at once, each as the engine does it, with a provider that answers at once. */
async function refreshAll(state: State, now: number, count: number): Promise<void> {
  for (let done = 0; done < count; ) {
    const claims = await claimHundred(state, now);
    if (claims.length === 0) return;
    await Promise.all(claims.map((claim) => refresh(state, claim, now)));
    done += claims.length;
  }
}

/** The attempt, the raw answer, and what it brought, are a commit each. */
async function refresh(state: State, claim: Claim, now: number): Promise<void> {
  const [client, subject] = JSON.parse(claim.id) as [string, string];
  const { grant, revision } = await read(state, subject);
  const { generation } = grant;
  const attempt = { generation, fingerprint: '0123456789ab', sentAt: now, sent: 1, scope: null };
  const asRead: Change = { type: 'grant.expect', client, subject, revision };
  await state.commit([asRead, { type: 'grant.put', grant: { ...grant, attempt } }], { under: claim });
  await state.commit([{ type: 'grant.answer', client, subject, answer: ANSWER }], { under: claim });
  const held = await read(state, subject);
  const renewed = { ...grant, generation: generation + 1, renewedAt: now, accessSentAt: now };
  const changes: Change[] = [
    { ...asRead, revision: held.revision },
    { type: 'grant.put', grant: renewed, tokens: { refresh: token(), access: token() } },
    { type: 'grant.answer', client, subject, answer: null },
  ];
  await state.commit(changes, { hold: { claim, next: now + 2 * HOUR, lane: 'hot' } });
}

const ANSWER = Secret.from(
  JSON.stringify({
    access_token: 'a'.repeat(40),
    refresh_token: 'r'.repeat(40),
    token_type: 'Bearer',
    expires_in: 3_600,
    scope: 'asset:download license:purchase',
  }),
);

async function read(state: State, subject: string) {
  const held = await state.grant(CLIENT, subject);
  if (held === null) throw new Error('a claimed grant is gone');
  return held;
}

/** Ms. */
async function timed(task: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await task();
  return performance.now() - begun;
}
