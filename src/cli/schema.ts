import { jsonSchema } from '../config/json-schema.ts';
import { EXIT } from './exit.ts';
import { printJson } from './terminal.ts';

export function schema(): number {
  printJson(jsonSchema());
  return EXIT.done;
}
