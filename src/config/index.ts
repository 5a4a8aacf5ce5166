export { ConfigError, type Fault, renderFault } from './fault.ts';
export { jsonSchema } from './json-schema.ts';
export { type LoadOptions, loadConfig, type Reading, readConfig } from './load.ts';
export { policyDefaults } from './policy.ts';
export { type StarterAnswers, writeConfig } from './starter.ts';
export type * from './types.ts';
