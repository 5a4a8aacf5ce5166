import { filesReadOnce } from '../config/index.ts';
import type { Config } from '../config/types.ts';
import { SecretSource } from '../model/index.ts';

/** All files that a configuration names and cannot be loaded without: certificates, databases, secrets, templates. Absolute paths. */
export function filesNamed(config: Config): readonly string[] {
  return [...new Set([...filesReadOnce(config), ...filesIn(config)])];
}

function filesIn(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return key === 'template' ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof SecretSource) return 'file' in value.origin ? [value.origin.file] : [];
  return Object.entries(value).flatMap(([name, child]) => filesIn(child, name));
}
