import { writeSync } from 'node:fs';
import { Secret } from '../../model/index.ts';
import { type State, StateError } from '../contract.ts';
import { openSpool } from '../spool-file.ts';
import { openSqlite } from '../sqlite/index.ts';
import { put, T } from './samples.suite.ts';

/*
 * A process of its own for tests of locks, modes and kills: `node child.suite.ts JOB FILE [UMASK]`. Says on standard output,
 * a line each, what it has done; a failure as its code.
 */

const LANES = 4;

const say = (line: string) => writeSync(1, `${line}\n`);

/** Holds the state until standard input ends. */
async function hold(state: State): Promise<void> {
  await state.commit([put.work()]);
  await state.claim('provider:frameflow', { now: T, until: T + 3_600_000, limit: 1 });
  say('open');
  for await (const _ of process.stdin);
  await state.close();
}

/** Commits without end, several at once; says each commit when it is acknowledged. */
async function write(state: State): Promise<void> {
  const lane = async (name: string) => {
    for (let number = 1; ; number += 1) {
      await state.commit([
        put.credential({ name, attempts: number }),
        put.audit({ credential: name, at: number }),
      ]);
      say(`${name} ${number}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(`lane-${index}`)));
}

/** Writes until a commit fails, several at once and ever larger than the room there is, then what is small. */
async function fill(state: State): Promise<void> {
  for (let round = 1; ; round += 1) {
    const batch = Array.from({ length: LANES }, async (_, index) => {
      const name = `lane-${index}`;
      await state.commit([put.audit({ credential: name, at: round, detail: { text: 'x'.repeat(9_000) } })]);
      say(`${name} ${round}`);
    });
    const failed = (await Promise.allSettled(batch)).filter((one) => one.status === 'rejected');
    if (failed.length === 0) continue;
    for (const { reason } of failed) say(codeOf(reason));
    say(`readable ${(await state.audit({ limit: 1 })).items.length}`);
    return;
  }
}

/** Makes room for an answer, and saves one, each whether or not the disk takes it. */
async function fillSpool(database: string, keys: readonly Secret[]): Promise<void> {
  const spool = openSpool({ database, keys, torn: (error) => say(error.code) });
  const entry = { credential: 'frameflow-prod', rotationId: 'r', answer: Secret.from('answer'), at: T };
  const reserved = spool.reserve(entry.credential).then(() => 'reserved', codeOf);
  say(await reserved);
  say(await spool.save(entry).then(() => 'saved', codeOf));
}

function codeOf(error: unknown): string {
  return error instanceof StateError ? error.code : String(error);
}

const [job, file = '', umask] = process.argv.slice(2);
if (umask !== undefined) process.umask(Number.parseInt(umask, 8));
const keys = [Secret.from(Buffer.alloc(32, 7))];
try {
  if (job === 'spool') {
    await fillSpool(file, keys);
  } else {
    const state = await openSqlite({ file, keys, now: () => T, owner: 'child' });
    await (job === 'write' ? write(state) : job === 'fill' ? fill(state) : hold(state));
  }
} catch (error) {
  say(codeOf(error));
}
