import { once } from 'node:events';
import type { entryView, reportView } from '../api/routes/audit.ts';
import { ADMINS, connect } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { paint, print, printJson, tell } from './terminal.ts';
import { moment } from './when.ts';

export type AuditVerifyOptions = RemoteOptions & { readonly accept?: boolean; readonly reason?: string };
export type AuditExportOptions = RemoteOptions & { readonly since?: string; readonly until?: string };

type ReportView = ReturnType<typeof reportView>;
type EntryView = ReturnType<typeof entryView>;

/** A log of millions is looked through between everything else that the daemon does, ms. */
const LOOK_WITHIN = 600_000;
/** Entries a request. */
const PAGE = 500;

/** Tells whether the audit log is whole; 1 where it is not, unless it is taken as it stands. */
export async function verifyAudit(options: AuditVerifyOptions): Promise<number> {
  const { accept = false, reason } = options;
  if (accept !== (reason !== undefined))
    throw new CommandError(
      EXIT.usage,
      '--accept and --reason belong together: who reads the log must learn why',
    );
  const client = await connect(options, ADMINS);
  const report = accept
    ? await client.post<ReportView>('/v1/audit/accept', { body: { reason }, deadlineMs: LOOK_WITHIN })
    : await client.post<ReportView>('/v1/audit/verify', { deadlineMs: LOOK_WITHIN });
  if (options.json) printJson(report);
  else for (const line of report.whole ? wholeLines(report) : brokenLines(report)) print(line);
  if (report.whole) return EXIT.done;
  if (!accept) {
    tell(WHAT_TO_DO);
    return EXIT.failed;
  }
  tell('It was taken as it stands: it is chained anew, an entry says why, and the alert has ended.');
  return EXIT.done;
}

const WHAT_TO_DO = `What to do: change nothing. Copy the state directory with its times (cp -a), then find out who could write to it:
docs/runbooks/audit-broken.md. Once that is settled, either restore the state, or take the log as it stands:
keywarden audit verify --accept --reason TEXT`;

function wholeLines({ entries, last }: ReportView): string[] {
  if (last === null) return ['The audit log is whole: it has no entries yet.'];
  return [
    `${paint('green', 'The audit log is whole')}: ${entries} ${entries === 1 ? 'entry' : 'entries'}.`,
    `The last is ${placeOf(last)}, with the hash`,
    `  ${last.hash}`,
    'Keep both elsewhere: an entry with that number and another hash proves that the log was replaced.',
  ];
}

function brokenLines({ entries, breaks, broken, lastWholeAt }: ReportView): string[] {
  const more = breaks - broken.length;
  return [
    `${paint('red', 'The audit log is broken')}: ${breaks} ${breaks === 1 ? 'break' : 'breaks'} in ${entries} ${entries === 1 ? 'entry' : 'entries'}.`,
    ...broken.map(({ problem, at, after }) => {
      const own = at === null ? '' : ` (it bears the time ${moment(at)})`;
      return `  ${problem}${own}; before it stands ${after === null ? 'nothing' : `entry ${placeOf(after)}`}`;
    }),
    ...(more > 0 ? [`  and ${more} more`] : []),
    lastWholeAt === null
      ? 'It was not found whole since the daemon started.'
      : `It was last found whole at ${moment(lastWholeAt)}.`,
  ];
}

function placeOf({ number, at }: { readonly number: number; readonly at: string | null }): string {
  return at === null ? String(number) : `${number} of ${moment(at)}`;
}

/** The log as NDJSON, a page at a time: neither side holds more than that. */
export async function exportAudit(options: AuditExportOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const query = new URLSearchParams({ order: 'oldest', limit: String(PAGE) });
  for (const name of ['since', 'until'] as const) {
    const time = options[name];
    if (time !== undefined) query.set(name, time);
  }
  for (;;) {
    const page = await client.get<{ entries: EntryView[]; nextCursor: string | null }>(`/v1/audit?${query}`);
    await write(page.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    if (page.nextCursor === null) return EXIT.done;
    query.set('cursor', page.nextCursor);
  }
}

/** Waits where whoever reads is slower than the daemon. */
async function write(lines: string): Promise<void> {
  if (lines !== '' && !process.stdout.write(lines)) await once(process.stdout, 'drain');
}
