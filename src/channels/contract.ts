import type { Alert, DeliveryEvent, PluginContext } from '../model/index.ts';

/** An alert made ready for people: built once in `alerting/render.ts`, laid out by each channel. */
export type Message = {
  readonly event: DeliveryEvent;
  readonly alert: Alert;
  /** `installation.name` and `environment`. */
  readonly installation: string;
  readonly environment: string;
  /** Where to read more: a runbook, the page. */
  readonly links: ReadonlyArray<{ readonly text: string; readonly href: string }>;
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
