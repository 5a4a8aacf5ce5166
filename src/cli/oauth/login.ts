import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration, SECOND } from '../../model/index.ts';
import type { Client } from '../client.ts';
import { connect, VALUE_READERS } from '../connect.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { RemoteOptions } from '../options.ts';
import { print, printable, printJson, tell } from '../terminal.ts';
import type { AuthorizationView } from '../views.ts';
import { moment } from '../when.ts';
import { openBrowser } from './browser.ts';
import { assertSubject, oauthPath } from './paths.ts';

export type LoginOptions = RemoteOptions & {
  readonly subject: string;
  readonly open: boolean;
  /** Ms. */
  readonly timeout?: number;
};

/** Between two looks at how the consent stands, ms. */
const PAUSE = SECOND;

type Begun = { readonly id: string; readonly authorizeUrl: string; readonly expiresAt: string };

/** Has a user consent in a browser, and tells what came of it. */
export async function login(client: string, options: LoginOptions): Promise<number> {
  const { subject, timeout } = options;
  assertSubject(subject);
  const daemon = await connect(options, VALUE_READERS);
  const begun = await daemon.post<Begun>(oauthPath(client, 'authorizations'), { body: { subject } });
  const life = Date.parse(begun.expiresAt) - daemon.now;
  await show(begun.authorizeUrl, options);
  const path = oauthPath(client, 'authorizations', begun.id);
  const end = await outcome(daemon, path, Math.min(timeout ?? life, life));
  if (options.json) printJson(end);
  if (end.state === 'completed') {
    if (!options.json) print(`connected: ${client} now has access on behalf of ${printable(end.subject)}`);
    return EXIT.done;
  }
  const own = timeout !== undefined && timeout < life ? timeout : null;
  throw new CommandError(EXIT.failed, `no grant of ${printable(subject)}: ${whyNot(end, own)}`);
}

/** @param timeout the caller's own, where the consent outlives it; ms */
function whyNot({ state, error, expiresAt }: AuthorizationView, timeout: number | null): string {
  if (state === 'failed') return printable(error?.message ?? 'the provider gave no reason');
  if (timeout === null)
    return 'nobody has consented in time; run the command again and open the address within ten minutes';
  return `nobody has consented within ${formatDuration(timeout)}; the address is still open until ${moment(expiresAt)}, and it may yet be completed`;
}

async function show(url: string, { open, json }: LoginOptions): Promise<void> {
  // With --json standard output is the outcome and nothing else.
  if (json) tell(url);
  else print(url);
  const terminal = process.stdout.isTTY === true && process.stderr.isTTY === true;
  if (open && terminal && (await openBrowser(url)))
    tell('It is opened in your browser. Waiting for the consent …');
  else tell('Open this address in a browser. Waiting for the consent …');
}

/** The last that was seen of it: over, or still open once the time is up. */
async function outcome(daemon: Client, path: string, patienceMs: number): Promise<AuthorizationView> {
  const late = AbortSignal.timeout(Math.max(0, Math.ceil(patienceMs)));
  for (;;) {
    const seen = await daemon.get<AuthorizationView>(path);
    if (seen.state === 'completed' || seen.state === 'failed' || late.aborted) return seen;
    await sleep(PAUSE, undefined, { signal: late }).catch(() => undefined);
  }
}
