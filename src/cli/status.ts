import { alertRows } from './alerts.ts';
import { connect } from './connect.ts';
import { EXIT } from './exit.ts';
import { isPaused, notes } from './notes.ts';
import type { RemoteOptions } from './options.ts';
import { type Cell, table } from './table.ts';
import { print, printJson } from './terminal.ts';
import type { AlertView, CredentialView } from './views.ts';
import { relative, span } from './when.ts';

/** Every credential in a table, what is to be said of it below, then the open alerts. */
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
  for (const note of credentials.flatMap((credential) => notes(credential, now))) print(`  ${note}`);
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
  const left = credential.rotation?.overlapEndsAt
    ? Date.parse(credential.rotation.overlapEndsAt) - now
    : null;
  return [
    { text: credential.name, how: 'bold' },
    versionCell(credential, current),
    current === undefined ? '-' : span(Math.max(0, now - Date.parse(current.createdAt))),
    rotationCell(credential, now),
    left === null ? '-' : span(Math.max(0, left)),
    publishedCell(credential, current?.number ?? null),
    relative(credential.lastSeenInUseAt, now),
  ];
}

type VersionView = CredentialView['versions'][number];

function versionCell({ state }: CredentialView, current: VersionView | undefined): Cell {
  if (current === undefined) return { text: `none (${state})`, how: 'red' };
  const { number, keyId, compromisedAt } = current;
  const text = keyId === null ? String(number) : `${number} (${keyId})`;
  if (compromisedAt !== null) return { text: `${text}, known to others`, how: 'red' };
  if (state === 'rejected') return { text: `${text}, rejected`, how: 'red' };
  return state === 'parked' ? { text: `${text}, parked`, how: 'yellow' } : text;
}

function rotationCell(credential: CredentialView, now: number): Cell {
  const { rotation, mode, nextRotationAt } = credential;
  if (rotation !== null) {
    return { text: `now: ${rotation.state}`, how: rotation.state === 'attention' ? 'red' : 'cyan' };
  }
  if (isPaused(credential, now)) return { text: 'paused', how: 'yellow' };
  const due = relative(nextRotationAt, now);
  return mode === 'guided' && nextRotationAt !== null ? `by hand, ${due}` : due;
}

function publishedCell({ destinations }: CredentialView, current: number | null): Cell {
  if (destinations.length === 0) return 'API only';
  const has = destinations.filter(
    ({ state, version }) => state === 'published' && version === current,
  ).length;
  const text = `${has} of ${destinations.length}`;
  if (has === destinations.length) return { text, how: 'green' };
  const drifted = destinations.filter(({ state }) => state === 'drifted').length;
  if (drifted > 0) return { text: `${text}, ${drifted} drifted`, how: 'red' };
  return { text, how: destinations.some(({ state }) => state === 'failed') ? 'red' : 'yellow' };
}
