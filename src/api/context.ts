import type { Commands } from '../engine/commands.ts';
import type { Engine } from '../engine/engine.ts';
import type { GrantCommands } from '../engine/grants/contract.ts';

/** What the routes work with. */
export type ApiContext = {
  readonly engine: Engine;
  readonly commands: Commands;
  readonly grants: GrantCommands;
};
