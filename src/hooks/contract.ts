import type { z } from 'zod';
import type { Mark, PluginContext } from '../model/index.ts';
import type { schema as exec } from './exec/schema.ts';
import type { schema as http } from './http/schema.ts';
import type { schema as signal } from './signal/schema.ts';

/** One `onChange` of the configuration: the kind is the key that it has there. */
export type HookConfig =
  | ({ readonly kind: 'exec' } & z.output<typeof exec>)
  | ({ readonly kind: 'signal' } & z.output<typeof signal>)
  | ({ readonly kind: 'http' } & z.output<typeof http>);

/** What a hook is told of the publication that it follows. Never a secret value. */
export type HookEvent = {
  readonly credential: string;
  /** The destination's id. */
  readonly destination: string;
  readonly mark: Mark;
};

/**
 * What runs after a new version has arrived at a destination: once for each version and destination, after a crash
 * perhaps twice. Throws an EdgeError and nothing else; its message quotes at most 4 KB of output, redacted.
 */
export type Hook = {
  run(event: HookEvent): Promise<void>;
  close(): Promise<void>;
};

/** One line in `hooks/index.ts`. */
export type HookKind<Config> = {
  load(): Promise<(context: PluginContext<Config>) => Hook>;
};
