export { ConfigError, renderFault } from './fault.ts';
export { loadConfig, readConfig } from './load.ts';
export { type StarterAnswers, writeConfig } from './starter.ts';
export type * from './types.ts';
