import { positiveDuration } from '../model/fields.ts';
import { HOUR } from '../model/index.ts';

/** How long one run of a hook may take, ms. Bounded, since a publication's hook holds up its own repetition. */
export const timeout = positiveDuration.refine((ms) => ms <= HOUR, 'expected a duration of at most 1h');
