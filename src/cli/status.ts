import { alertRows } from './alerts.ts';
import { connect } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { type Cell, table } from './table.ts';
import { print, printable, printJson } from './terminal.ts';
import type { AlertView, CredentialView } from './views.ts';
import { relative, span } from './when.ts';

/** Every credential in a table, what it lacks below, then the open alerts. */
export async function status(options: RemoteOptions): Promise<number> {
  const client = await connect(options);
  const [{ credentials }, { alerts, nextCursor }] = await Promise.all([
    client.get<{ credentials: CredentialView[] }>('/v1/credentials'),
    client.get<{ alerts: AlertView[]; nextCursor: string | null }>('/v1/alerts?state=open&limit=100'),
  ]);
  if (options.json) {
    printJson({ credentials, alerts });
    return EXIT.done;
  }
  const now = client.now;
  print(
    credentials.length === 0
      ? 'No credentials are configured.'
      : table(
          ['CREDENTIAL', 'VERSION', 'AGE', 'NEXT ROTATION', 'OVERLAP LEFT', 'PUBLISHED', 'LAST SEEN IN USE'],
          credentials.map((credential) => row(credential, now)),
        ),
  );
  for (const trouble of credentials.flatMap(troubles)) print(trouble);
  print('');
  if (alerts.length === 0) print('No open alerts.');
  else {
    print(
      `${alerts.length}${nextCursor === null ? '' : ' or more'} open alert${alerts.length === 1 ? '' : 's'}:`,
    );
    print(alertRows(alerts, now));
  }
  return EXIT.done;
}

function row(credential: CredentialView, now: number): Cell[] {
  const current = credential.versions.find(({ state }) => state === 'current');
  const { rotation } = credential;
  const left = rotation?.overlapEndsAt ? Date.parse(rotation.overlapEndsAt) - now : null;
  return [
    { text: credential.name, how: 'bold' },
    current === undefined ? { text: `none (${credential.state})`, how: 'red' } : versionText(current),
    current === undefined ? '-' : span(Math.max(0, now - Date.parse(current.createdAt))),
    rotation === null ? relative(credential.nextRotationAt, now) : rotationCell(rotation.state),
    left === null ? '-' : span(Math.max(0, left)),
    publishedCell(credential, current?.number ?? null),
    relative(credential.lastSeenInUseAt, now),
  ];
}

function versionText({ number, keyId }: { number: number; keyId: string | null }): string {
  return keyId === null ? String(number) : `${number} (${keyId})`;
}

function rotationCell(state: string): Cell {
  const text = `now: ${state}`;
  return state === 'attention' ? { text, how: 'red' } : { text, how: 'cyan' };
}

function publishedCell({ destinations }: CredentialView, current: number | null): Cell {
  if (destinations.length === 0) return 'API only';
  const has = destinations.filter(
    ({ state, version }) => state === 'published' && version === current,
  ).length;
  const text = `${has} of ${destinations.length}`;
  if (has === destinations.length) return { text, how: 'green' };
  return { text, how: destinations.some(({ state }) => state === 'failed') ? 'red' : 'yellow' };
}

function troubles({ name, lastError, destinations }: CredentialView): string[] {
  return [
    ...(lastError === null ? [] : [`  ${name}: ${printable(lastError.message)}`]),
    ...destinations.flatMap(({ destination, state, lastError: error }) =>
      error === null ? [] : [`  ${name}, ${printable(destination)} (${state}): ${printable(error.message)}`],
    ),
  ];
}
