export { changedParts, filesReadOnce, fixedFaults } from './changes.ts';
export { ConfigError, renderFault } from './fault.ts';
export { type Loaded, loadConfig, readConfig } from './load.ts';
export { type StarterAnswers, writeConfig } from './starter.ts';
export type * from './types.ts';
