import { type Finding, formatDuration, formatTime } from '../model/index.ts';
import type { WatchContext } from './contract.ts';
import type { Detector, DetectorInput } from './detector.ts';
import { list, numberOrNull, textOrNull } from './stored.ts';

/**
 * Sees the feed itself: polls that fail, or a cursor that does not move, for longer than `after`. A log without new
 * entries is no silence. Keeps since when, and of what it has told.
 */
export function logSilence({ rules, stored }: DetectorInput): Detector {
  const after = rules.detectors['log-silence']?.after ?? null;
  const memory = stored === undefined ? [null, null, null] : list(stored);
  let since = numberOrNull(memory[0] ?? null);
  let trouble = textOrNull(memory[1] ?? null);
  let toldAt = numberOrNull(memory[2] ?? null);

  function silence(context: WatchContext, from: number, ended: boolean): Finding {
    return {
      kind: 'log-silence',
      severity: 'warning',
      condition: 'feed',
      at: context.now,
      keyId: null,
      credential: null,
      ips: [],
      firstEventAt: from,
      lastEventAt: context.now,
      title: `the log ${context.monitor} has not been read for ${formatDuration(context.now - from)}: ${trouble}`,
      summary: `Since ${formatTime(from)} no poll of ${context.monitor} has got further: ${trouble}. Nothing is detected meanwhile; reading resumes where it stopped, and what happened is told then.`,
      action: 'Run keywarden check: it tries the key that reads the log.',
      evidence: { ips: [], since: formatTime(from), trouble },
      ...(ended ? { ended: true } : {}),
    };
  }

  function over(context: WatchContext): readonly Finding[] {
    const findings = toldAt === null || since === null ? [] : [silence(context, since, true)];
    since = null;
    trouble = null;
    toldAt = null;
    return findings;
  }

  return {
    see() {},
    tell: () => [],
    tick(context) {
      const now = context.feed?.trouble ?? null;
      if (after === null || now === null) return over(context);
      since ??= context.now;
      trouble = now;
      if (toldAt !== null || context.now - since < after) return [];
      toldAt = context.now;
      return [silence(context, since, false)];
    },
    save: () => [since, trouble, toldAt],
  };
}
