import {
  type Alert,
  type AlertKind,
  type AuditEntry,
  HOUR,
  type Rotation,
  type Signal,
  type Version,
} from '../model/index.ts';
import { subjectOf } from './identity.ts';
import { evidenceText, time } from './render.ts';
import { bounded, printable } from './text.ts';

/** What a provider is told of: somebody else may have, or use, a key. */
const REPORTABLE: ReadonlySet<AlertKind> = new Set([
  'auth-failure-spike',
  'unregistered-geolocation',
  'outside-allowlist',
  'impossible-travel',
  'retired-key-use',
  'unknown-key',
  'dormant-key',
  'failures-then-success',
  'rate-limit-saturation',
  'plaintext-attempt',
  'volume-surge',
  'foreign-mint',
  'key-compromised',
]);

/** Providers answer a report of an incident within four hours. */
const ANSWERS_WITHIN = 4 * HOUR;

/** So long before the alert what was done may have to do with it. */
const BEFORE = HOUR;

/** Lists in the report show so many of their items. */
const SHOWN = 100;

export function isReportable({ kind }: Pick<Alert, 'kind'>): boolean {
  return REPORTABLE.has(kind);
}

/** When the provider's answer is due; null: nobody waits for one. */
export function answerDueAt({ reportedAt }: Pick<Alert, 'reportedAt'>): number | null {
  return reportedAt === null ? null : reportedAt + ANSWERS_WITHIN;
}

/** When an alert is looked at that would be at `nextAt` else: the provider's answer may be due before that. */
export function lookAt(alert: Pick<Alert, 'reportedAt'>, nextAt: number | null, now: number): number | null {
  const due = answerDueAt(alert);
  return due === null || due <= now ? nextAt : Math.min(due, nextAt ?? due);
}

/** The provider was told of this alert and has not answered in time. */
export function unanswered(alert: Alert, now: number): Signal {
  const { id, reportedAt } = alert;
  return {
    type: 'raise',
    ...aboutAnswer(alert, now),
    severity: 'warning',
    title: `The provider has not answered for four hours: ${alert.title}`,
    summary: `The incident was reported at ${time(reportedAt ?? now)}. Nobody has said since that an answer came.`,
    action: `Call the provider, and when it has answered: \`keywarden incident ${id} --answered\``,
    deadline: null,
    evidence: { alert: id, kind: alert.kind, keyId: alert.evidence.keyId ?? null },
  };
}

/** It has answered. */
export function answered(alert: Alert, now: number): Signal {
  return { type: 'resolve', ...aboutAnswer(alert, now) };
}

function aboutAnswer(alert: Alert, at: number) {
  return { kind: 'incident-unanswered', ...subjectOf(alert), condition: alert.id, at } as const;
}

/** What the report is made of beside the alert. */
export type IncidentFacts = {
  readonly now: number;
  readonly installation: string;
  readonly environment: string;
  /** Where the key was issued; null: that is not known. */
  readonly provider: string | null;
  /** Of the credential, oldest first; a superset. */
  readonly audit: readonly AuditEntry[];
  readonly rotations: readonly Rotation[];
  readonly versions: readonly Version[];
};

/** A report for the provider, in Markdown: what was seen, what was done, what is asked. Never a secret: key ids only. */
export function incidentReport(alert: Alert, facts: IncidentFacts): string {
  return [
    `# Incident: ${inline(alert.title, 300)}`,
    `Reported by ${inline(facts.installation, 130)} (${inline(facts.environment, 130)}), ${time(facts.now)}. All times are UTC.`,
    '## What was seen',
    list(seen(alert, facts)),
    inline(alert.summary, 2_000),
    '## Evidence',
    list(Object.entries(alert.evidence).map(([name, value]) => [name, evidenceText(value, SHOWN)] as const)),
    '## What we have done',
    done(alert, facts),
    '## What we ask of you',
    `${asked(alert, facts)}\n`,
  ].join('\n\n');
}

function seen(alert: Alert, { provider }: IncidentFacts): ReadonlyArray<readonly [string, string]> {
  return [
    ['Kind', alert.kind],
    ['Severity', alert.severity],
    ['First seen', time(alert.firstSeenAt)],
    ['Last seen', time(alert.lastSeenAt)],
    ['Seen', `${alert.count} times`],
    ['State', alert.state],
    ['Provider', provider ?? ''],
    ['Credential', alert.credential ?? ''],
    ['Log', alert.monitor ?? ''],
    ['Our reference', alert.id],
  ];
}

function list(pairs: ReadonlyArray<readonly [string, string]>): string {
  const lines = pairs
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `- ${inline(name, 60)}: ${code(value)}`);
  return lines.length === 0 ? 'Nothing more is known.' : lines.join('\n');
}

/** Oldest first: what people and the daemon did since shortly before the alert. */
function done(alert: Alert, { audit, rotations, versions }: IncidentFacts): string {
  const from = alert.firstSeenAt - BEFORE;
  const keyOf = (id: string | null) => versions.find((version) => version.id === id)?.keyId ?? 'a key';
  const replaced = rotations
    .filter(({ startedAt }) => startedAt >= from)
    .map(({ startedAt, trigger, state, previousVersionId, newVersionId }) => {
      const keys = `${keyOf(previousVersionId)}${newVersionId === null ? '' : ` by ${keyOf(newVersionId)}`}`;
      return { at: startedAt, text: `replacement of ${keys} (${trigger}), by now: ${state}` };
    });
  const steps = audit
    .filter(({ at, detail }) => at >= from || detail.alert === alert.id)
    .map(({ at, action, actor }) => ({
      at,
      text: `${action} by ${actor === 'daemon' ? 'Keywarden' : 'an operator'}`,
    }));
  const lines = [...replaced, ...steps]
    .sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `- ${time(at)}: ${code(text)}`);
  return lines.length === 0 ? 'Nothing yet.' : lines.join('\n');
}

function asked(alert: Alert, { versions }: IncidentFacts): string {
  const exposed = versions.flatMap(({ keyId, compromisedAt, state }) =>
    keyId !== null && compromisedAt !== null && state !== 'retired' ? [keyId] : [],
  );
  const { keyId } = alert.evidence;
  const key = typeof keyId === 'string' ? ` with ${code(keyId)}` : '';
  const questions = [
    `Which calls${key} do your logs show since ${time(alert.firstSeenAt - BEFORE)}, with addresses and request ids?`,
    'What did those that were accepted read or change?',
    exposed.length === 0
      ? 'Can a key be revoked at once, should we ask for it?'
      : `Please revoke ${exposed.map(code).join(', ')} now, and confirm the time.`,
    'Please send a first answer within four hours.',
  ];
  return questions.map((question, index) => `${index + 1}. ${question}`).join('\n');
}

/** Words of which readers of Markdown make a link or call somebody: addresses, mentions. */
const LIVE = /@|:\/\/|www\.|mailto:/i;

/** Text that means nothing to Markdown, and that nobody is led or called by. */
function inline(text: string, max: number): string {
  return bounded(text, max)
    .split(' ')
    .map((word) => (LIVE.test(word) ? code(word) : word.replace(/[\\`*_[\]<>#|~]/g, '\\$&')))
    .join(' ');
}

function code(text: string): string {
  return `\`${printable(text).replaceAll('`', "'")}\``;
}
