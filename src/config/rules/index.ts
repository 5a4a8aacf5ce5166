import type { Fault } from '../fault.ts';
import type { Draft } from '../parse.ts';
import type { Directories } from '../paths.ts';
import { plaintextFaults, referenceFaults } from '../references.ts';
import { alertWarnings, routeFaults } from './alerts.ts';
import { apiFaults, apiWarnings } from './api.ts';
import { destinationFaults, destinationWarnings } from './destinations.ts';
import { keepAliveFaults } from './keep-alive.ts';
import { sharedKeyFaults } from './keys.ts';
import { modeFaults } from './mode.ts';
import { monitorFaults, monitorWarnings } from './monitors.ts';
import { oauthClientFaults, oauthClientWarnings } from './oauth-clients.ts';
import { rotationFaults, settleFaults } from './rotation.ts';
import { scheduleFaults } from './schedule.ts';
import { stragglerFaults, stragglerWarnings } from './stragglers.ts';

/** What no schema can say: names that lead somewhere, durations that fit together, places that do not collide. */
export async function ruleFaults(draft: Draft, directories: Directories): Promise<readonly Fault[]> {
  return [
    ...referenceFaults(draft.tree),
    ...plaintextFaults(draft.tree),
    ...(await scheduleFaults(draft)),
    ...settleFaults(draft),
    ...modeFaults(draft),
    ...rotationFaults(draft),
    ...keepAliveFaults(draft),
    ...stragglerFaults(draft),
    ...sharedKeyFaults(draft),
    ...destinationFaults(draft, directories),
    ...oauthClientFaults(draft),
    ...monitorFaults(draft),
    ...routeFaults(draft),
    ...apiFaults(draft),
  ];
}

/** What is allowed and probably not meant. */
export function ruleWarnings(draft: Draft): readonly Fault[] {
  return [
    ...stragglerWarnings(draft),
    ...destinationWarnings(draft),
    ...oauthClientWarnings(draft),
    ...monitorWarnings(draft),
    ...alertWarnings(draft),
    ...apiWarnings(draft),
  ];
}
