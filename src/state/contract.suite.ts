import { afterEach, beforeEach, describe } from 'vitest';
import type { State } from './contract.ts';
import { alertContract } from './suite/alerts.suite.ts';
import { auditContract } from './suite/audit.suite.ts';
import { claimContract } from './suite/claims.suite.ts';
import { commitContract } from './suite/commits.suite.ts';
import { consentContract } from './suite/consents.suite.ts';
import { credentialContract } from './suite/credentials.suite.ts';
import { forgetContract } from './suite/forget.suite.ts';
import { grantClaimContract } from './suite/grant-claims.suite.ts';
import { grantContract } from './suite/grants.suite.ts';
import { logContract } from './suite/log.suite.ts';
import { rotationContract } from './suite/rotations.suite.ts';
import type { StateWorld } from './suite/samples.suite.ts';
import { watchContract } from './suite/watch.suite.ts';

/**
 * What every database promises behind {@link State}.
 *
 * @example stateContract('SQLite', () => sqliteWorld());
 */
export function stateContract(name: string, makeWorld: () => Promise<StateWorld>): void {
  describe(`the state on ${name}`, () => {
    let world: StateWorld;
    let present: State;
    const state = () => present;
    const reopen = async () => {
      present = await world.open();
      return present;
    };

    beforeEach(async () => {
      world = await makeWorld();
      present = await world.open();
    });
    afterEach(() => world.end());

    claimContract(state);
    commitContract(state, reopen);
    credentialContract(state, reopen);
    rotationContract(state);
    alertContract(state);
    auditContract(state, reopen);
    logContract(state);
    watchContract(state, reopen);
    forgetContract(state);
    grantContract(state);
    grantClaimContract(state, reopen);
    consentContract(state);
  });
}
