import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../engine/clock.ts';
import type { RotationPlan } from '../rotation/index.ts';
import type { Client } from './client.ts';
import { connect, OPERATORS } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import { stepLine } from './history.ts';
import type { RemoteOptions } from './options.ts';
import { print, printable, printJson } from './terminal.ts';
import type { RotationView } from './views.ts';
import { moment } from './when.ts';

export type RotateOptions = RemoteOptions & {
  readonly reason?: string;
  readonly emergency?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
};

/** How often `--wait` looks. */
const LOOK_EVERY = 400;

/** A daemon that is being restarted is waited for this long, ms. */
const PATIENCE = 30_000;

/** Asks the daemon for a rotation now; with `--wait` follows it until every destination has the new version. */
export async function rotate(name: string, options: RotateOptions): Promise<number> {
  const client = await connect(options, OPERATORS);
  const path = `/v1/credentials/${encodeURIComponent(name)}/rotate`;
  const emergency = options.emergency === true;
  if (options.dryRun) {
    const plan = await client.post<RotationPlan>(path, { body: { emergency, dryRun: true } });
    if (options.json) printJson(plan);
    else for (const line of planLines(plan)) print(line);
    return EXIT.done;
  }
  const started = await client.post<RotationView>(path, {
    body: { emergency, ...(options.reason === undefined ? {} : { reason: options.reason }) },
    headers: { 'idempotency-key': randomUUID() },
  });
  if (options.wait) return follow(client, started, options);
  if (options.json) printJson(started);
  else
    print(
      `${name}: ${started.trigger} rotation ${started.id} is asked for; --wait or \`keywarden history ${name}\` shows its steps`,
    );
  return EXIT.done;
}

function planLines({ credential, trigger, waitsFor, steps }: RotationPlan): string[] {
  return [
    `${credential}: what a rotation (${trigger}) asked for now would do; nothing is sent`,
    ...(waitsFor === null ? [] : [`  it would wait for: ${printable(waitsFor)}`]),
    ...steps.map(({ name, detail }) => `  ${name.padEnd(10)} ${printable(detail)}`),
  ];
}

const DONE = new Set(['overlap', 'completed']);
const ENDED_BADLY = new Set(['failed', 'attention', 'abandoned', 'superseded']);

/** Prints every step once it changes, until the rotation has reached every destination or cannot go on by itself. */
async function follow(client: Client, started: RotationView, { json }: RotateOptions): Promise<number> {
  const shown = new Map<string, string>();
  let rotation = started;
  if (!json) print(`${rotation.credential}: ${rotation.trigger} rotation ${rotation.id}`);
  for (;;) {
    if (!json) printChanges(rotation, shown);
    if (DONE.has(rotation.state) || ENDED_BADLY.has(rotation.state)) break;
    await sleep(LOOK_EVERY);
    rotation = await look(client, rotation.id);
  }
  if (json) printJson(rotation);
  else print(ending(rotation));
  return DONE.has(rotation.state) ? EXIT.done : EXIT.failed;
}

async function look(client: Client, id: string): Promise<RotationView> {
  const clock = systemClock();
  const until = clock.monotonic() + PATIENCE;
  for (;;) {
    try {
      return await client.get<RotationView>(`/v1/rotations/${id}`);
    } catch (error) {
      const gone = error instanceof CommandError && error.exit === EXIT.unreachable;
      if (!gone || clock.monotonic() > until) throw error;
      await sleep(LOOK_EVERY);
    }
  }
}

function printChanges({ steps }: RotationView, shown: Map<string, string>): void {
  for (const step of steps) {
    const key = `${step.name} ${'destination' in step ? step.destination : ''}`;
    const line = stepLine(step);
    if (step.state === 'pending' || shown.get(key) === line) continue;
    shown.set(key, line);
    print(line);
  }
}

function ending({
  state,
  trigger,
  overlapEndsAt,
  previousKeyId,
  lastError,
  credential,
  waysOut,
}: RotationView) {
  if (DONE.has(state)) {
    const until = overlapEndsAt === null ? '' : `; the previous key works until ${moment(overlapEndsAt)}`;
    const revoke =
      trigger === 'emergency'
        ? `\n  Revoke ${previousKeyId ?? 'the previous key'} in the provider's console if it is known to others: no API can end it sooner.`
        : '';
    return `${credential}: every destination has the new version${until}${revoke}`;
  }
  const why = lastError === null ? '' : `: ${printable(lastError.message)}`;
  const ways =
    waysOut.length === 0 ? '; see `keywarden status`' : `\n  what can be done: ${waysOut.join(' · ')}`;
  return `${credential}: the rotation is in ${state}${why}${ways}`;
}
