import type { Bundle } from '../alerting/gather.ts';
import type { Alert, DeliveryEvent, PluginContext } from '../model/index.ts';

/** An alert made ready for people: built once in `alerting/render.ts`, laid out by each channel. */
export type Message = {
  /** The delivery's: the same however often it is sent. */
  readonly id: string;
  readonly event: DeliveryEvent;
  readonly alert: Alert;
  /** The one that issued the credential, or whose log is watched, by its name in the configuration; null where there is none. */
  readonly provider: string | null;
  /** `installation.name` and `environment`. */
  readonly installation: string;
  readonly environment: string;
  /** Where to read more: the runbook first, the page. */
  readonly links: ReadonlyArray<{ readonly text: string; readonly href: string }>;
  /** The runbook's address; without `runbookUrl` its path in the package: `docs/runbooks/publish-failed.md`. */
  readonly runbook: string;
  /** An earlier attempt may have arrived. */
  readonly repeat: boolean;
};

/** Several alerts made ready for people, for channels that take them in one message: laid out like a {@link Message}. */
export type BundleMessage = Pick<Message, 'installation' | 'environment' | 'links' | 'repeat'> & {
  /** Like a message's; where the alerts are of several kinds, the index of all runbooks. */
  readonly runbook: string;
  /** Never of the form `single`. */
  readonly bundle: Bundle;
};

/** Where people are told. `deliver` throws an EdgeError and nothing else: `permanent` means the channel is down for good. */
export type Channel = {
  deliver(message: Message): Promise<void>;
  /** Several in one message, with the same errors; absent: the channel takes one at a time. */
  deliverBundle?(message: BundleMessage): Promise<void>;
  close(): Promise<void>;
};

/** One line in `channels/index.ts`. */
export type ChannelKind<Config> = {
  load(): Promise<(context: PluginContext<Config>) => Channel>;
};
