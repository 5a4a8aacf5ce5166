import type { ManagedKey, Rules } from '../detectors/contract.ts';
import { type Change, formatTime, type LogEvent, type Signal } from '../model/index.ts';

/** What is known of keys when a page is read for mints. */
export type MintView = {
  readonly monitor: string;
  readonly keys: readonly ManagedKey[];
  readonly otherKeys: Rules['otherKeys'];
  /** Those whose keys are of the log's provider. */
  readonly credentials: readonly string[];
  /** Whether anything looks after that credential: it is configured, or a rotation of it is still under way. */
  readonly lookedAfter: (credential: string) => boolean;
  /** False for an event that was told before. */
  readonly first: (event: LogEvent) => boolean;
  readonly now: number;
};

/**
 * Rotations in the log that made none of the keys we know. One that a key of ours signed goes to its credential, whose
 * plan can tell a mint of ours whose answer is still under way, or lost, from somebody else's. A key under `otherKeys`,
 * old or new, is its owner's business. Any other is told here.
 */
export function mintsIn(
  events: readonly LogEvent[],
  view: MintView,
): { readonly changes: readonly Change[]; readonly signals: readonly Signal[] } {
  const changes: Change[] = [];
  const signals: Signal[] = [];
  const woken = new Set<string>();
  for (const event of events) {
    const { mintedKeyId, keyId, status } = event;
    if (mintedKeyId === null || status >= 400) continue;
    if (view.keys.some((key) => key.keyId === mintedKeyId)) continue;
    const signer = view.keys.find((key) => key.keyId === keyId);
    if (signer !== undefined && keyId !== null && view.lookedAfter(signer.credential)) {
      const { id, time: at, ip, userAgent } = event;
      const { credential } = signer;
      changes.push({
        type: 'mint.put',
        mint: { id, credential, signerKeyId: keyId, mintedKeyId, at, ip, userAgent },
      });
      woken.add(credential);
      continue;
    }
    const owned = [keyId, mintedKeyId].some((id) => ownerOf(view, id)?.retired === false);
    if (owned) continue;
    if (view.first(event)) signals.push(foreignMint(event, mintedKeyId, signer, view));
    // Its signer may be adopted yet (a state that was restored): then it is known to end.
    if (signer === undefined && keyId !== null) changes.push(...forLater(event, keyId, mintedKeyId, view));
  }
  return { changes: [...changes, ...wakes(woken, view.now)], signals };
}

/** A key's id is the provider's word: `constructor` is one like any other. */
function ownerOf({ otherKeys }: MintView, keyId: string | null): Rules['otherKeys'][string] | undefined {
  return keyId !== null && Object.hasOwn(otherKeys, keyId) ? otherKeys[keyId] : undefined;
}

function forLater(
  { id, time: at, ip, userAgent }: LogEvent,
  signerKeyId: string,
  mintedKeyId: string,
  { credentials }: MintView,
): Change[] {
  return credentials.map((credential) => ({
    type: 'mint.put',
    mint: { id: `${id} ${credential}`, credential, signerKeyId, mintedKeyId, at, ip, userAgent },
  }));
}

function foreignMint(
  { keyId, ip, geo, time, userAgent }: LogEvent,
  mintedKeyId: string,
  signer: ManagedKey | undefined,
  view: MintView,
): Signal {
  const { monitor, now } = view;
  const other = ownerOf(view, keyId);
  const whose =
    signer !== undefined
      ? `a key of ${signer.credential}, which is configured no more`
      : other !== undefined
        ? `a retired key of ${other.owner}`
        : 'a key that nobody configured';
  const by = keyId === null ? whose : `${keyId}, ${whose},`;
  const country = geo === null ? '' : ` (${geo.country})`;
  return {
    type: 'raise',
    kind: 'foreign-mint',
    severity: 'critical',
    monitor,
    condition: mintedKeyId,
    at: Math.min(time, now),
    title: `${mintedKeyId} was minted by ${by} from ${ip}${country}`,
    summary: `The log shows a rotation at ${formatTime(time)} that is not Keywarden's: ${by} made ${mintedKeyId}. Whoever asked for it holds a working key of this account.`,
    action: `Find out who it was. If the keys are yours, list ${mintedKeyId} under otherKeys of the monitor; else delete ${keyId === null ? 'it' : `it and ${keyId}`} in the provider's console.`,
    deadline: null,
    evidence: {
      ips: [ip],
      keyId,
      mintedKeyId,
      mintedAt: formatTime(time),
      userAgent,
      ...(geo === null ? {} : { countries: [geo.country] }),
    },
    transient: true,
  };
}

function wakes(credentials: ReadonlySet<string>, at: number): Change[] {
  return Array.from(credentials, (id) => ({ type: 'work.wake', kind: 'credential', id, at }));
}
