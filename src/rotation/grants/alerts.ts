import type { ClientPause, Failure, Signal } from '../../model/index.ts';
import { formatTime } from '../../model/index.ts';
import { failureEvidence, raise, resolve } from '../signals.ts';

/** How many subjects an alert names. */
export const SHOWN = 5;

const PLAIN = /^[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*$/;
/** Control, invisible and direction-turning characters, line ends, halves of surrogate pairs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/**
 * Text as one word of a POSIX shell, safe to be pasted; with characters that cannot be seen as `$'…'` (bash, zsh, ksh).
 *
 * @example shellWord("o'neil") // `'o'\\''neil'`
 */
function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (!UNSEEN.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = [...text].map((char) => {
    if (char === "'" || char === '\\') return `\\${char}`;
    return UNSEEN.test(char) ? `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}` : char;
  });
  return `$'${escaped.join('')}'`;
}

/** What a person at a terminal does to have a user consent anew. */
export function loginCommand(client: string, subject: string): string {
  return `keywarden login ${client} ${subjectOption(subject)}`;
}

function subjectOption(subject: string): string {
  return `--subject${subject.startsWith('-') ? '=' : ' '}${shellWord(subject)}`;
}

/** The first subjects, the rest counted. */
export function shownSubjects(subjects: readonly string[]): string {
  const more = subjects.length - SHOWN;
  return subjects.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The condition of a grant's own alert; no other condition of the kind begins so. */
const ofGrant = (subject: string): string => `subject:${subject}`;

/** One grant is dead. */
export function consentRequired(
  { client, subject }: { readonly client: string; readonly subject: string },
  reason: string,
  now: number,
): Signal {
  return raise('consent-required', client, now, {
    severity: 'warning',
    condition: ofGrant(subject),
    title: `${client}: a grant is dead (${reason.split(':')[0]}): ${subject} must consent again`,
    summary: `Why: ${reason}. The application gets no token for this user until there is a new consent. Keywarden sends nothing more for this grant.`,
    action: `Have the user consent anew: \`${loginCommand(client, subject)}\`. Where the user is to stay disconnected: \`keywarden grants ${client} forget ${subjectOption(subject)}\``,
    evidence: { subject, reason },
  });
}

/** The user consented anew, or is gone. */
export function consentGiven(client: string, subject: string, now: number): Signal {
  return resolve('consent-required', client, now, ofGrant(subject));
}

/** The condition under which a pause is told. */
export function conditionOf(why: ClientPause['why']): string {
  return why === 'client-refused' || why === 'grants-refused' ? why : 'unavailable';
}

/** Nothing is refreshed for the client for a time. */
export function clientPaused(client: string, pause: ClientPause, failure: Failure, now: number): Signal {
  return raise('refresh-failed', client, now, {
    severity: 'warning',
    condition: conditionOf(pause.why),
    ...pauseTexts(client, pause),
    evidence: {
      ...failureEvidence(failure),
      pausedUntil: formatTime(pause.until),
      pauses: pause.count,
    },
  });
}

function pauseTexts(client: string, { why, until }: ClientPause) {
  const then = `It tries one grant again at ${formatTime(until)}.`;
  switch (why) {
    case 'client-refused':
      return {
        title: `${client} is refused by its provider: client id or secret is wrong`,
        summary: `No grant of this client can be refreshed; applications get tokens only until those that are held end. No grant is lost by it: Keywarden holds all requests back. ${then}`,
        action: `Put the right secret where ${client}'s clientSecret is read from (it is read at each use), then: \`keywarden check\``,
      };
    case 'grants-refused':
      return {
        title: `${client}: the provider refuses so many grants at once that Keywarden does not believe it`,
        summary: `Within five minutes the provider called more refresh tokens invalid than users disconnect. Those that were found dead before stay so, the further ones are kept and nobody is sent to consent again for them yet. Keywarden holds all requests back. ${then}`,
        action: `Ask the provider whether it has ended all grants of ${client} or has a fault. See what is left: \`keywarden grants ${client} list\``,
      };
    case 'rate-limited':
      return {
        title: `${client} is over its provider's rate limit`,
        summary: `Applications get tokens only until those that are held end. Keywarden waits as long as the provider asks. ${then}`,
        action: `Find out what else uses ${client}'s limit, or have the provider raise it and set the provider's tier in the configuration`,
      };
    case 'unavailable':
      return {
        title: `${client}: the provider's token endpoint does not serve refreshes`,
        summary: `Applications get tokens only until those that are held end. Keywarden holds all requests back, so that no further grant is put at risk. ${then}`,
        action: `See the provider's status page and the way from here to it: \`keywarden check\``,
      };
  }
}

/** What a good answer ends, told once for all grants of the client. */
export type Fault = 'malformed' | 'rejected-request';

/** Answers have something wrong, or requests are refused for what is in them. */
export function faultTold(client: string, fault: Fault, failure: Failure, now: number): Signal {
  const texts =
    fault === 'malformed'
      ? {
          title: `${client}: the provider's token answers are not as they must be`,
          summary: `${failure.message}. The tokens in them are kept and used as far as they can be; no grant is lost by it.`,
          action: `Tell the provider; the rule is RFC 6749, 5.1. See whether it is over: \`keywarden alerts list\``,
        }
      : {
          title: `${client}: the provider refuses refreshes for what is in the request`,
          summary: `${failure.message}. The grants are kept; Keywarden tries again, less and less often, up to once an hour each.`,
          action: `Compare ${client}'s registration at the provider with the configuration, then: \`keywarden check\``,
        };
  return raise('refresh-failed', client, now, {
    severity: 'warning',
    condition: fault,
    ...texts,
    evidence: failureEvidence(failure),
  });
}

/** For what a pause or a fault ended, by its condition. */
export function refreshWorks(client: string, condition: string, now: number): Signal {
  return resolve('refresh-failed', client, now, condition);
}
