import { ADMINS, connect } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';
import type { CredentialView, RotationView, TakenView } from './views.ts';
import { moment } from './when.ts';

export type CompromiseOptions = RemoteOptions & { readonly key?: string; readonly reason?: string };

type Answer = TakenView & { readonly rotation: RotationView | null };

/** Says that a key is known to others; the daemon replaces it at once. */
export async function compromise(name: string, options: CompromiseOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const { key, reason } = options;
  const credential = `/v1/credentials/${encodeURIComponent(name)}`;
  const answer = await client.post<Answer>(`${credential}/compromise`, {
    body: { ...(key === undefined ? {} : { keyId: key }), ...(reason === undefined ? {} : { reason }) },
  });
  if (options.json) {
    printJson(answer);
    return EXIT.done;
  }
  const { mode } = await client.get<CredentialView>(credential);
  for (const line of exposure(answer, mode)) print(line);
  return EXIT.done;
}

/** What happens now, and what is left to a person. */
function exposure({ name, version, rotation }: Answer, mode: CredentialView['mode']): string[] {
  const { number, keyId, state, expiresAt } = version;
  const key = keyId ?? `the key of version ${number}`;
  const when = state === 'current' ? 'Once every destination has its successor, revoke' : 'Revoke';
  const end = expiresAt === null ? 'until then it works' : `it works until ${moment(expiresAt)}`;
  const retire = mode === 'guided' ? `, then say so: keywarden retire ${name} ${number}` : '';
  return [
    `${name}: version ${number} is marked as known to others; every further use of it is critical`,
    successor(name, state, rotation, mode),
    `  ${when} ${key} in the provider's console (${end})${retire}. Reminders end once the provider refuses it.`,
  ];
}

function successor(
  name: string,
  state: string,
  rotation: RotationView | null,
  mode: CredentialView['mode'],
): string {
  if (rotation !== null) {
    return `  Emergency rotation ${rotation.id} replaces it; \`keywarden history ${name}\` shows its steps.`;
  }
  if (state !== 'current') return '  It is not the current key, so nothing needs to be replaced.';
  if (mode !== 'guided') return '  Its successor is on its way already; `keywarden status` shows it.';
  return `  Make its successor in the provider's console and hand it over: keywarden import ${name} < FILE`;
}
