import { connect, OPERATORS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { type Cell, table } from './table.ts';
import { print, printJson } from './terminal.ts';
import { untilBody } from './until.ts';
import type { SilenceView } from './views.ts';
import { moment, relative } from './when.ts';

type About = Pick<SilenceView, 'kind' | 'credential' | 'severity'>;

export type SilenceOptions = Partial<About> & { readonly for: string; readonly reason: string };

/** Nobody is told of the begin of such alerts for a time. */
export async function silence(options: RemoteOptions & SilenceOptions): Promise<number> {
  const { kind = [], credential = [], severity = [] } = options;
  const body = {
    kind,
    credential,
    severity,
    ...untilBody({ until: options.for, reason: options.reason }, '--for'),
  };
  const client = await connect(options, OPERATORS);
  const made = await client.post<SilenceView>('/v1/silences', { body });
  if (options.json) printJson(made);
  else
    print(
      `${made.id}: nobody is told of ${aboutText(made)} until ${moment(made.endsAt)}; ends are told, and \`keywarden alerts unsilence ${made.id}\` ends it`,
    );
  return EXIT.done;
}

export async function listSilences(
  options: RemoteOptions & { readonly all?: boolean; readonly limit: number },
): Promise<number> {
  const client = await connect(options);
  const page = await client.get<{ silences: SilenceView[]; nextCursor: string | null }>(
    `/v1/silences?limit=${options.limit}`,
  );
  const shown = page.silences.filter(({ holds }) => holds || options.all);
  if (options.json) printJson({ ...page, silences: shown });
  else if (shown.length === 0) print(options.all ? 'No silences.' : 'No silence holds.');
  else {
    const rows = shown.map((one): Cell[] => [
      one.id,
      aboutText(one),
      `${one.holds ? 'ends ' : 'ended '}${relative(one.endsAt, client.now)}`,
      one.author,
      one.reason,
    ]);
    print(table(['ID', 'ABOUT', 'END', 'BY', 'REASON'], rows));
    if (page.nextCursor !== null) print('There are more: --limit N shows them.');
  }
  return EXIT.done;
}

export async function unsilence(id: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, OPERATORS);
  const ended = await client.delete<SilenceView>(`/v1/silences/${encodeURIComponent(id)}`);
  if (options.json) printJson(ended);
  else print(`${ended.id}: over; what it kept quiet and still holds is told now`);
  return EXIT.done;
}

/** `critical publish-failed of frameflow-prod`. */
function aboutText({ kind, credential, severity }: About): string {
  const of = credential.length === 0 ? '' : ` of ${credential.join(', ')}`;
  return [...severity, kind.join(', ') || 'alerts'].join(' ') + of;
}
