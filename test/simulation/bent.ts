import { rules } from '../../src/rotation/index.ts';
import type { Bent } from './ground.ts';

const same = <T>(part: T): T => part;

/** The product as it is. */
export const STRAIGHT: Bent = {
  rules,
  state: same,
  provider: same,
  client: same,
  store: same,
  channel: same,
  clock: same,
  fenced: true,
};
