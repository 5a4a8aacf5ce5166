import type { z } from 'zod';

/** The keys that `schema` knows at `path`: for suggestions. `value` is what stands there and tells apart kinds. */
export function keysAt(
  schema: z.core.$ZodType,
  path: ReadonlyArray<string | number>,
  value: unknown,
): readonly string[] {
  const [part, ...rest] = path;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object': {
      if (part === undefined) return Object.keys(def.shape);
      const child = def.shape[part];
      return child === undefined ? [] : keysAt(child, rest, value);
    }
    case 'record':
      return part === undefined ? [] : keysAt(def.valueType, rest, value);
    case 'array':
      return part === undefined ? [] : keysAt(def.element, rest, value);
    case 'optional':
    case 'default':
    case 'prefault':
      return keysAt(def.innerType, path, value);
    case 'pipe':
      return keysAt(def.in, path, value);
    case 'union':
      return [
        ...new Set(
          def.options
            .filter((option) => suits(option, value))
            .flatMap((option) => keysAt(option, path, value)),
        ),
      ];
    default:
      return [];
  }
}

/** False for an option of a union that another `kind` or `method` excludes. */
function suits(option: z.core.$ZodType, value: unknown): boolean {
  const fixed = option._zod.propValues ?? {};
  return Object.entries(fixed).every(([key, values]) => {
    const given = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    return given === undefined || values.has(given);
  });
}
