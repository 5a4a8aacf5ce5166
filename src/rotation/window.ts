/** A weekly maintenance window in a time zone. */
export type Window = {
  /** 0 (Sunday) to 6; the days on which it opens. */
  readonly days: readonly number[];
  /** Minutes after local midnight. */
  readonly from: number;
  /** Minutes after local midnight, exclusive; less than `from` where it runs past midnight. */
  readonly to: number;
  /** IANA name. */
  readonly timeZone: string;
};
