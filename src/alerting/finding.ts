import { type AlertKind, type Finding, formatTime, type Signal } from '../model/index.ts';
import { identityOf } from './identity.ts';

/** What to do where the detector gave no advice of its own. `{replace}` is the command for a key that is known to others, or a word for it. */
const ADVICE: Readonly<Partial<Record<AlertKind, string>>> = {
  'auth-failure-spike':
    'Find out who calls from these addresses. Strangers who only fail: have them blocked. If one got in: {replace}',
  'failures-then-success': 'Take the key as known to others unless you know the caller: {replace}',
  'unregistered-geolocation':
    'If nobody of yours works from there, take the key as known to others: {replace}. Else add the country to the key’s `geolocations`',
  'outside-allowlist':
    'If the address is not yours, take the key as known to others: {replace}. Else add it to the key’s `ipAllowlist`',
  'impossible-travel': 'If no proxy or VPN of yours explains both places: {replace}',
  'retired-key-use':
    'Find the application that still holds this key and give it the current one: {history} shows when it was replaced',
  'unknown-key':
    'Find out who made this key. If it is yours, list it under the monitor’s `otherKeys`; else revoke it at the provider',
  'dormant-key': 'Ask its owner whether the key is in use again. If not: {replace}',
  'plaintext-attempt':
    'Find the application that calls over http://. Its key crossed the network unencrypted: {replace}',
  'rate-limit-saturation': 'Find the caller that spends the limit; the addresses are in the evidence',
  'volume-surge':
    'Find out whether the calls are yours; the addresses are in the evidence. If not: {replace}',
  'log-silence':
    'Nobody watches while the log is silent. See the provider’s status and run `keywarden status`',
};

/**
 * The findings of one poll. A bit of information that began and ended since the poll before is told as a report of
 * something that is over: else its end, in the same commit, would void the message of its begin, and nobody would
 * hear of it. The end of a warning voids nothing.
 */
export function findingsToSignals(findings: readonly Finding[], monitor: string): Signal[] {
  const signals = findings.map((finding) => findingToSignal(finding, monitor));
  const identities = signals.map(identityOf);
  const lastEnd = new Map(
    signals.flatMap(({ type }, index) => (type === 'resolve' ? [[identities[index], index] as const] : [])),
  );
  return signals.map((signal, index) => {
    const over = (lastEnd.get(identities[index]) ?? -1) > index;
    const report = signal.type === 'raise' && signal.severity === 'info' && over;
    return report ? { ...signal, transient: true } : signal;
  });
}

/** What the log watch found, as the alerting takes it in. Carries at least `ips` and, where there is one, `keyId`. */
export function findingToSignal(finding: Finding, monitor: string): Signal {
  const { kind, condition, at, credential, keyId } = finding;
  // The times stand below, the keys only where there are others.
  const { first: _, last: __, keys, ...evidence } = finding.evidence;
  const others = Array.isArray(keys) && keys.some((key) => key !== keyId);
  const subject = { monitor, ...(credential === null ? {} : { credential }) };
  if (finding.ended === true) return { type: 'resolve', kind, condition, at, ...subject };
  return {
    type: 'raise',
    kind,
    condition,
    at,
    lastAt: finding.lastEventAt,
    ...subject,
    severity: finding.severity,
    title: finding.title,
    summary: finding.summary,
    action: finding.action ?? advice(finding),
    deadline: null,
    evidence: {
      ...evidence,
      ...(others ? { keys } : {}),
      ips: finding.ips,
      ...(keyId === null ? {} : { keyId }),
      firstEventAt: formatTime(finding.firstEventAt),
      lastEventAt: formatTime(finding.lastEventAt),
    },
  };
}

function advice({ kind, credential, keyId }: Finding): string | null {
  const replace =
    credential === null
      ? 'replace that key at the provider'
      : `\`keywarden compromise ${credential}${keyId === null ? '' : ` --key ${keyId}`}\``;
  const history = credential === null ? '`keywarden history`' : `\`keywarden history ${credential}\``;
  return ADVICE[kind]?.replace('{replace}', replace).replace('{history}', history) ?? null;
}
