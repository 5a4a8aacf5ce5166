import { connect } from './connect.ts';
import { EXIT } from './exit.ts';
import { isStuck } from './notes.ts';
import type { RemoteOptions } from './options.ts';
import { type Paint, paint, print, printable, printJson } from './terminal.ts';
import type { RotationView } from './views.ts';
import { moment, took } from './when.ts';

/** Rotations and their steps, newest first. */
export async function history(
  name: string | undefined,
  options: RemoteOptions & { readonly limit: number },
): Promise<number> {
  const client = await connect(options);
  const of = name === undefined ? '' : `&credential=${encodeURIComponent(name)}`;
  const page = await client.get<{ rotations: RotationView[]; nextCursor: string | null }>(
    `/v1/rotations?limit=${options.limit}${of}`,
  );
  if (options.json) {
    printJson(page);
    return EXIT.done;
  }
  if (page.rotations.length === 0) print(`No rotations${name === undefined ? '' : ` of ${name}`} yet.`);
  for (const [index, rotation] of page.rotations.entries()) {
    if (index > 0) print('');
    for (const line of rotationLines(rotation)) print(line);
  }
  if (page.nextCursor !== null) print('\nThere are more: --limit N shows them.');
  return EXIT.done;
}

const STATES: Readonly<Record<string, Paint>> = {
  completed: 'green',
  done: 'green',
  overlap: 'cyan',
  running: 'cyan',
  failed: 'red',
  attention: 'red',
  superseded: 'yellow',
  abandoned: 'yellow',
};

function painted(state: string): string {
  return paint(STATES[state] ?? 'dim', state);
}

function rotationLines(rotation: RotationView): string[] {
  const { credential, trigger, actor, reason, previousKeyId, newKeyId, overlapEndsAt } = rotation;
  const state = rotation.queued ? `${painted(rotation.state)} (waits to begin)` : painted(rotation.state);
  const why = reason === null ? '' : ` (${printable(reason)})`;
  return [
    `${moment(rotation.startedAt)}  ${paint('bold', credential)}  ${state}  ${trigger}, by ${printable(actor)}${why}`,
    `  rotation ${rotation.id}`,
    `  key ${previousKeyId ?? '?'} -> ${newKeyId ?? 'none yet'}${overlapEndsAt === null ? '' : `, overlap until ${moment(overlapEndsAt)}`}`,
    ...(rotation.rollback === null
      ? []
      : [`  the previous key is published again until ${moment(rotation.rollback.until)}`]),
    ...rotation.steps.map(stepLine),
    ...(rotation.lastError === null ? [] : [`  last error: ${printable(rotation.lastError.message)}`]),
    ...(isStuck(rotation) ? [`  what can be done: ${rotation.waysOut.join(' · ')}`] : []),
  ];
}

/** One step in a line: name, state, what it is about, how long it took, what went wrong. */
export function stepLine(step: RotationView['steps'][number]): string {
  const { name, state, attempts, startedAt, endedAt, error } = step;
  const details = [
    ...('destination' in step && step.destination !== undefined ? [step.destination] : []),
    ...(startedAt === null || endedAt === null ? [] : [`took ${took(startedAt, endedAt)}`]),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...(error === null || state === 'done' ? [] : [error.message]),
  ];
  const padding = ' '.repeat(Math.max(0, 8 - state.length));
  return `    ${name.padEnd(8)} ${painted(state)}${details.length === 0 ? '' : `${padding} ${printable(details.join(', '))}`}`;
}
