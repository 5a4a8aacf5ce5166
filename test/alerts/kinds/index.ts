import type { AlertKind } from '../../../src/model/index.ts';
import { GRANTS } from './grants.ts';
import { LIFECYCLE, type Raiser } from './lifecycle.ts';
import { LOG } from './log.ts';
import { OWN } from './own.ts';

/** A realistic alert of every kind, raised by the code that raises it in a daemon. */
export const RAISERS: Readonly<Record<AlertKind, Raiser>> = { ...LIFECYCLE, ...GRANTS, ...LOG, ...OWN };
