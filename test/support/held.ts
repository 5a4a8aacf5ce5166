import { HOUR } from '../../src/model/index.ts';
import type { World } from './world.ts';

/** How a rotation is held in each state; what it gives lets it go on. */
export const HELD: Readonly<Record<string, (world: World) => () => void>> = {
  minting: ({ sandbox: { admin } }) => {
    const fault = { kind: 'drop-before' } as const;
    admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times: 0, fault });
    return () => admin.clearFaults();
  },
  verifying: () => () => undefined,
  publishing: ({ vaultServer }) => {
    vaultServer.sealed = true;
    return () => {
      vaultServer.sealed = false;
    };
  },
  overlap: () => () => undefined,
  attention: ({ sandbox: { admin } }) => {
    admin.changeSettings({ propagationMs: HOUR });
    return () => admin.changeSettings({ propagationMs: 0 });
  },
};
