import { takenOver } from './cli/agent-taken-over.ts';

process.exitCode = await takenOver();
