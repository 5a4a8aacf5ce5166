import { connect, OPERATORS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';
import { type UntilOptions, untilBody } from './until.ts';
import type { CredentialView } from './views.ts';
import { moment } from './when.ts';

type Answer = Pick<CredentialView, 'name' | 'pause'>;

/** No scheduled rotation until then, or until somebody resumes. */
export async function pause(name: string, options: RemoteOptions & UntilOptions): Promise<number> {
  const body = untilBody(options);
  const client = await connect(options, OPERATORS);
  const answer = await client.post<Answer>(`/v1/credentials/${encodeURIComponent(name)}/pause`, { body });
  if (options.json) printJson(answer);
  else {
    const until = answer.pause?.until ?? null;
    const end = until === null ? `until \`keywarden resume ${name}\`` : `until ${moment(until)}`;
    print(
      `${name}: no scheduled rotation ${end}; one that is overdue is still told, and \`rotate\` still works`,
    );
  }
  return EXIT.done;
}
