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

/** Where people are told. `deliver` throws an EdgeError and nothing else: `permanent` means the channel is down for good. */
export type Channel = {
  deliver(message: Message): Promise<void>;
  close(): Promise<void>;
};

/** One line in `channels/index.ts`. */
export type ChannelKind<Config> = {
  load(): Promise<(context: PluginContext<Config>) => Channel>;
};
