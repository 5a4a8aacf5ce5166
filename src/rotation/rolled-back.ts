import type { Rotation } from '../model/index.ts';

/** True while the previous version is published again. */
export function isRolledBack({ rollback }: Rotation): boolean {
  return rollback !== null && rollback.endedAt === null;
}
