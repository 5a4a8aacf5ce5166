import type { AlertKind, Evidence, Severity } from './alert.ts';

/** How a count was judged: what was usual, and each window at the moment of the finding. For `backtest --explain`. */
export type Why = {
  /** Variance over mean of what is usual. */
  readonly dispersion: number;
  readonly windows: ReadonlyArray<{
    readonly window: string;
    readonly count: number;
    readonly expected: number;
    /** The chance of so much or more, and what is allowed. */
    readonly chance: number;
    readonly budget: number;
  }>;
};

/** What a detector saw: the input of the alerting for the log watch, and the output of `backtest`. */
export type Finding = {
  readonly kind: AlertKind;
  readonly severity: Severity;
  /** Tells apart episodes of one kind in one monitor: a key, a key and its source, a key and a country. */
  readonly condition: string;
  /** The time of the event that decided it. */
  readonly at: number;
  readonly keyId: string | null;
  readonly credential: string | null;
  /** Source addresses, at most 100. */
  readonly ips: readonly string[];
  readonly firstEventAt: number;
  readonly lastEventAt: number;
  readonly title: string;
  readonly summary: string;
  readonly action: string | null;
  readonly evidence: Evidence;
  /** The episode has ended: resolves the alert of the same kind and condition. */
  readonly ended?: boolean;
  readonly why?: Why;
  /** What other detectors say of the same doing; this one bears the alert for all of them. */
  readonly also?: ReadonlyArray<Pick<Finding, 'kind' | 'severity' | 'title'>>;
};
