import { afterAll, beforeAll } from 'vitest';
import { storeContract } from '../../src/stores/contract.suite.ts';
import { startVaultWorld, VaultCorner } from './vault.ts';

const corner = new VaultCorner();

beforeAll(() => corner.open());
afterAll(() => corner.close());

storeContract('Vault KV version 2, by a token', () => startVaultWorld(corner, 'token'));
storeContract('Vault KV version 2, by AppRole', () => startVaultWorld(corner, 'approle'));
storeContract('Vault KV version 2, its marks in the metadata', () =>
  startVaultWorld(corner, 'token', { marks: 'custom_metadata' }),
);
