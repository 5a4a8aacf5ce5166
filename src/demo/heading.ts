import { basename } from 'node:path';
import type { ApplicationProcess } from './application-process.ts';
import { APPLICATION_FILE, CAST, stretchAt } from './configuration.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';

/** How much passes every second, as people say it. */
export function pace(speed: number): string {
  if (speed === 1) return 'on the clock of the wall';
  const [size, unit] = (
    [
      [86_400, 'day'],
      [3_600, 'hour'],
      [60, 'minute'],
      [1, 'second'],
    ] as const
  ).find(([length]) => speed >= length) ?? [1, 'second'];
  const count = Number((speed / size).toPrecision(3));
  return count === 1
    ? `${unit === 'hour' ? 'an' : 'a'} ${unit} passes every second`
    : `${count} ${unit}s pass every second`;
}

/** What is running, where, and how to look into it. */
export function tellHeading(
  screen: Screen,
  { sandbox, daemon, directory, configFile, logFile }: Stage,
  application: ApplicationProcess,
  options: { readonly for?: number | undefined; readonly speed: number },
): void {
  const host = (url: string) => new URL(url).host;
  const until = options.for === undefined ? 'until Ctrl-C' : `for ${options.for / 1_000} s or until Ctrl-C`;
  screen.print(screen.paint('bold', `Keywarden, a demonstration ${until}: ${pace(options.speed)}`));
  screen.print();
  screen.row(
    'stand-ins',
    `FrameFlow ${host(sandbox.frameflow.url)} · Slack ${host(sandbox.slack.webhookUrl)} · PagerDuty ${host(sandbox.pagerduty.url)}`,
  );
  screen.row(
    'application',
    `process ${application.pid} reads its keys from ${APPLICATION_FILE} and calls FrameFlow all the time`,
  );
  screen.row('Keywarden', `rotates the keys and watches FrameFlow's log; its API is ${daemon.api.address}`);
  const stretch = stretchAt(options.speed);
  for (const { name, every, age } of CAST) {
    screen.row(
      '',
      `${name}: a new key every ${every * stretch} days; the first is ${age * stretch} days old`,
    );
  }
  screen.row('files', `${directory} (removed at the end); Keywarden's log is ${basename(logFile)}`);
  screen.print();
  screen.print('  From another terminal:');
  screen.print(`    ${program()} status --config ${configFile}`);
  screen.print(`    curl ${sandbox.adminUrl}/state`);
  screen.print(`    curl -X POST ${sandbox.adminUrl}/keys/KEY/revoke   # the application fails`);
  screen.print();
}

/** How this program was called, so that it can be called again from anywhere. */
function program(): string {
  const path = process.argv[1] ?? 'keywarden';
  const quoted = /^[\w./@:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return /\.[jt]s$/.test(path) ? `node ${quoted}` : quoted;
}
