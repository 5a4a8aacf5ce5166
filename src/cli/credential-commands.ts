import { Argument, type Command, Option } from 'commander';
import type { CompromiseOptions } from './compromise.ts';
import { aboutCredential, type Does, type RemoteOptions, remote, wholeNumber } from './options.ts';
import type { RotateOptions } from './rotate.ts';
import type { Way } from './rotation.ts';
import type { UntilOptions } from './until.ts';

/** The commands about credentials and their rotations. */
export function addCredentials(program: Command, does: Does): void {
  remote(program.command('status').description('every credential, and the open alerts')).action(
    (options: RemoteOptions) => does(async () => (await import('./status.ts')).status(options)),
  );
  addRotations(program, does);
  addPauses(program, does);
  addKeys(program, does);
  addEndings(program, does);
  aboutCredential(program, 'get', 'print the current secret value').action(
    (name: string, options: RemoteOptions) => does(async () => (await import('./get.ts')).get(name, options)),
  );
  remote(
    program
      .command('history')
      .description('rotations and their steps, newest first')
      .argument('[name]', 'of this credential only'),
  )
    .option('--limit <n>', 'how many rotations', wholeNumber(1, 500), 20)
    .action((name: string | undefined, options: RemoteOptions & { limit: number }) =>
      does(async () => (await import('./history.ts')).history(name, options)),
    );
}

function addRotations(program: Command, does: Does): void {
  aboutCredential(program, 'rotate', 'rotate a credential now')
    .option('--reason <text>', 'kept with the rotation; never sent to the provider')
    .option('--emergency', 'supersede what is under way; skip window and jitter')
    .addOption(new Option('--dry-run', 'print the plan, send nothing').conflicts('wait'))
    .option('--wait', 'follow the steps until every destination has the new version')
    .action((name: string, options: RotateOptions) =>
      does(async () => (await import('./rotate.ts')).rotate(name, options)),
    );
  remote(
    program
      .command('rotation')
      .description('the ways out of a rotation that needs a person')
      .argument('<id>', 'the rotation, as `keywarden history` shows it')
      .addArgument(
        new Argument('<way>', 'retry: try at once what failed; abandon: give it up').choices([
          'retry',
          'abandon',
        ]),
      ),
  ).action((id: string, way: Way, options: RemoteOptions) =>
    does(async () => (await import('./rotation.ts')).orderRotation(id, way, options)),
  );
  aboutCredential(program, 'rollback', 'within the overlap: publish the previous key again, for a time')
    .option('--until <moment>', UNTIL_ROLLBACK)
    .option('--reason <text>', 'kept in the audit log')
    .action((name: string, options: RemoteOptions & UntilOptions) =>
      does(async () => (await import('./rollback.ts')).rollback(name, options)),
    );
}

const UNTIL_ROLLBACK =
  'when the newer key comes back: a duration such as 12h, or a time such as 2026-10-01T09:00:00Z; at most, and by default, 80 % of the overlap';

const UNTIL_PAUSE =
  'when it ends by itself: a duration such as 3d, or a time such as 2026-10-01T09:00:00Z; default: when somebody resumes';

function addPauses(program: Command, does: Does): void {
  aboutCredential(program, 'pause', 'no scheduled rotation for a while; one that is overdue is still told')
    .option('--until <moment>', UNTIL_PAUSE)
    .option('--reason <text>', 'shown by `keywarden status`')
    .action((name: string, options: RemoteOptions & UntilOptions) =>
      does(async () => (await import('./pause.ts')).pause(name, options)),
    );
  aboutCredential(program, 'resume', 'end a pause').action((name: string, options: RemoteOptions) =>
    does(async () => (await import('./resume.ts')).resume(name, options)),
  );
}

function addKeys(program: Command, does: Does): void {
  aboutCredential(
    program,
    'adopt',
    'take in the newest working key of the destinations, or the one on standard input',
  ).action((name: string, options: RemoteOptions) =>
    does(async () => (await import('./adopt.ts')).adopt(name, options)),
  );
  aboutCredential(
    program,
    'import',
    'take in a key made by hand, from standard input: test it, then publish it',
  ).action((name: string, options: RemoteOptions) =>
    does(async () => (await import('./import.ts')).importKey(name, options)),
  );
}

function addEndings(program: Command, does: Does): void {
  aboutCredential(program, 'retire', 'say that a superseded key was revoked at the provider')
    .argument('<version>', 'its version: the number, or the id')
    .action((name: string, version: string, options: RemoteOptions) =>
      does(async () => (await import('./retire.ts')).retire(name, version, options)),
    );
  aboutCredential(program, 'compromise', 'a key is known to others: replace it at once, and watch its use')
    .option('--key <id>', "the key's id at the provider; default: the current key")
    .option('--reason <text>', 'kept with the rotation; never sent to the provider')
    .action((name: string, options: CompromiseOptions) =>
      does(async () => (await import('./compromise.ts')).compromise(name, options)),
    );
  aboutCredential(program, 'forget', 'purge a credential that is no longer configured')
    .option('--yes', 'do not ask')
    .action((name: string, options: RemoteOptions & { yes?: boolean }) =>
      does(async () => (await import('./forget.ts')).forget(name, options)),
    );
}
