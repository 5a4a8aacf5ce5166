import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Change, Secret } from '../../src/model/index.ts';
import type { State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import type { Row } from './row.ts';

export type StateOptions = {
  readonly commits?: number;
};

/** As many as wait for one transaction when many records are due at once. */
const AT_ONCE = 64;

/** How many commits of one record the state takes a second, one after the other and many at once; each is on the disk. */
export async function bench({ commits = 1_024 }: StateOptions = {}): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  const keys = [Secret.from(randomBytes(32))];
  const state = await openSqlite({
    file: join(folder, 'state', 'keywarden.db'),
    keys,
    now: Date.now,
    owner: 'bench',
  });
  try {
    const alone = await rate(commits / 4, () => state.commit(changesOf(0)));
    const grouped = await rate(commits / AT_ONCE, () => together(state));
    return [
      { name: 'state: commits, one after the other', value: Math.round(alone), unit: '/s' },
      { name: `state: commits, ${AT_ONCE} at once`, value: Math.round(grouped * AT_ONCE), unit: '/s' },
    ];
  } finally {
    await state.close();
    await rm(folder, { recursive: true });
  }
}

async function together(state: State): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => state.commit(changesOf(index))));
}

/** Turns a second. */
async function rate(turns: number, turn: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  for (let done = 0; done < turns; done += 1) await turn();
  return (turns / (performance.now() - begun)) * 1_000;
}

function changesOf(index: number): Change[] {
  const work = {
    kind: 'credential',
    id: `credential-${index}`,
    lane: 'provider:bench',
    dueAt: Date.now(),
  } as const;
  return [{ type: 'work.put', work }];
}
