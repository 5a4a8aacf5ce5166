import type { HookKind } from './contract.ts';
import type { ExecConfig } from './exec/schema.ts';
import type { HttpConfig } from './http/schema.ts';
import type { SignalConfig } from './signal/schema.ts';

/** The kinds of hooks by the key that each has under `onChange`; its code is loaded only where one is configured. */
export const hooks: {
  readonly exec: HookKind<ExecConfig>;
  readonly signal: HookKind<SignalConfig>;
  readonly http: HookKind<HttpConfig>;
} = {
  exec: { load: async () => (await import('./exec/adapter.ts')).create },
  signal: { load: async () => (await import('./signal/adapter.ts')).create },
  http: { load: async () => (await import('./http/adapter.ts')).create },
};
