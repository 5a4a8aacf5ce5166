import { type Command, Option } from 'commander';
import { type Does, type RemoteOptions, remote, wholeNumber } from './options.ts';
import type { SilenceOptions } from './silences.ts';

/** The commands about alerts. */
export function addAlerts(program: Command, does: Does): void {
  const alerts = program.command('alerts').description('list, acknowledge and silence alerts, test channels');
  remote(alerts.command('list').description('open alerts, newest first'))
    .option('--all', 'resolved ones and events too')
    .option('--limit <n>', 'how many', wholeNumber(1, 500), 50)
    .action((options: RemoteOptions & { all?: boolean; limit: number }) =>
      does(async () => (await import('./alerts.ts')).listAlerts(options)),
    );
  remote(
    alerts.command('ack').description('take an alert on: reminders end').argument('<id>', 'the alert'),
  ).action((id: string, options: RemoteOptions) =>
    does(async () => (await import('./alerts.ts')).acknowledgeAlert(id, options)),
  );
  remote(
    alerts
      .command('test')
      .description('send a test message and tell what the channel said')
      .argument('[channel]', 'the channel'),
  )
    .option('--all', 'every channel')
    .action((channel: string | undefined, options: RemoteOptions & { all?: boolean }) =>
      does(async () => (await import('./alerts.ts')).testChannels(channel, options)),
    );
  addSilences(alerts, does);
  remote(
    program
      .command('incident')
      .description('write the report of a security alert for the provider, in Markdown')
      .argument('<alert>', 'the alert'),
  )
    .option('--sent', 'the report goes out now: remind after four hours without an answer')
    .option('--answered', 'the answer has come')
    .action((id: string, options: RemoteOptions & { sent?: boolean; answered?: boolean }) =>
      does(async () => (await import('./incident.ts')).incident(id, options)),
    );
}

function addSilences(alerts: Command, does: Does): void {
  remote(alerts.command('silence').description('tell nobody of such alerts for a time; ends are told'))
    .addOption(list('--kind <kind>', 'of this kind; may be repeated'))
    .addOption(list('--credential <name>', 'of this credential; may be repeated'))
    .addOption(list('--severity <severity>', 'critical, warning or info; may be repeated'))
    .requiredOption('--for <time>', 'how long, such as 2h, or until when')
    .requiredOption('--reason <text>', 'why')
    .action((options: RemoteOptions & SilenceOptions) =>
      does(async () => (await import('./silences.ts')).silence(options)),
    );
  remote(alerts.command('silences').description('the silences that hold'))
    .option('--all', 'those that ended in the last 30 days too')
    .option('--limit <n>', 'how many', wholeNumber(1, 500), 50)
    .action((options: RemoteOptions & { all?: boolean; limit: number }) =>
      does(async () => (await import('./silences.ts')).listSilences(options)),
    );
  remote(alerts.command('unsilence').description('end a silence now').argument('<id>', 'the silence')).action(
    (id: string, options: RemoteOptions) =>
      does(async () => (await import('./silences.ts')).unsilence(id, options)),
  );
}

function list(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, before: readonly string[] = []) => [
    ...before,
    value,
  ]);
}
