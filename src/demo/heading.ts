import { basename } from 'node:path';
import { formatDuration, HOUR } from '../model/index.ts';
import type { ApplicationProcess, UsersProcess } from './application-process.ts';
import { APPLICATION_FILE, accessLife, CAST, stretchAt, USERS } from './configuration.ts';
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

/** How long access tokens live, and why it is not an hour. */
function lifeOf(speed: number): string {
  const { life, leeway } = accessLife(speed);
  if (life === HOUR) return formatDuration(life);
  const hour = Math.round(HOUR / speed);
  return `${formatDuration(life)}, for an hour is over in ${hour} ms here, and FrameFlow takes them ${formatDuration(leeway)} longer`;
}

/** What is running, where, and how to look into it. */
export function tellHeading(
  screen: Screen,
  { sandbox, daemon, directory, configFile, logFile }: Stage,
  { application, users }: { readonly application: ApplicationProcess; readonly users: UsersProcess },
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
  screen.row(
    'users',
    `process ${users.pid} acts for ${USERS.join(' and ')} by access tokens from Keywarden; they live ${lifeOf(options.speed)}`,
  );
  screen.row(
    'Keywarden',
    `rotates keys, renews tokens, watches FrameFlow's log; its API is ${daemon.api.address}`,
  );
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
