import type { Alert, Delivery, DeliveryEvent, Signal, Silence } from '../model/index.ts';
import type { DedupScope } from './identity.ts';
import type { ChannelKinds, Route } from './route.ts';

/** What surrounds the signals of one commit. */
export type AlertingContext = DedupScope & {
  readonly now: number;
  readonly routes: readonly Route[];
  readonly channels: ChannelKinds;
  /**
   * All deliveries of the alerts handed in that are not resolved: whoever was told is told of the end. And those of
   * {@link import('./inhibit.ts').mutedCauses}.
   */
  readonly deliveries: readonly Delivery[];
  readonly silences: readonly Silence[];
  /** Alerts that are not resolved, at least those of the credentials that the signals name. */
  readonly open: readonly Alert[];
  /** What is still triggered is told again after so long, ms. */
  readonly repeat: number;
  readonly newId: () => string;
};

/** What surrounds one signal: what those before it in the commit have done is among it. */
export type Surroundings = Omit<AlertingContext, 'deliveries' | 'open'> & {
  /** The deliveries of an alert. */
  readonly own: (alert: Alert) => readonly Delivery[];
  /** Alerts that may explain it or be explained by it. */
  readonly related: (alert: Alert) => readonly Alert[];
};

/** One signal on its way through the pipeline: each stage fills in what it decides. */
export type Passage = {
  readonly signal: Signal;
  readonly identity: string;
  /** The latest alert of this identity. */
  readonly before: Alert | null;
  /** What it becomes; null: nothing changes. */
  readonly after: Alert | null;
  /** The one before it, ended: where it got worse and somebody may have taken it on, it goes on as another alert. */
  readonly former: Alert | null;
  /** What people are told; null: nothing new. */
  readonly event: DeliveryEvent | null;
  /** Nobody is told for now: a silence holds, or another alert explains it. */
  readonly quiet: boolean;
  /** Who is told. */
  readonly channels: readonly string[];
};
