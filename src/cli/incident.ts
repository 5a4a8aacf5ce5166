import { connect, OPERATORS } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';
import type { IncidentView } from './views.ts';
import { moment } from './when.ts';

/** The report of an alert for the provider on standard output; what became of it on standard error. */
export async function incident(
  id: string,
  options: RemoteOptions & { readonly sent?: boolean; readonly answered?: boolean },
): Promise<number> {
  const { sent = false, answered = false } = options;
  if (sent && answered) throw new CommandError(EXIT.usage, 'give --sent or --answered, not both');
  const client = await connect(options, OPERATORS);
  const body = { sent, answered };
  const view = await client.post<IncidentView>(`/v1/alerts/${encodeURIComponent(id)}/incident`, { body });
  if (options.json) printJson(view);
  else if (answered) print(`${id}: the provider has answered; nobody is reminded any more`);
  else {
    print(view.report);
    if (sent && view.answerDueAt !== null)
      process.stderr.write(`Reported. The provider's answer is due at ${moment(view.answerDueAt)}.\n`);
  }
  return EXIT.done;
}
