import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { FakeSecretsManager } from '../../src/stores/aws-secrets-manager/fake.ts';
import type { FakeVault } from '../../src/stores/vault/fake.ts';
import { VARIABLE } from './settings.ts';

/** What an application finds at a destination. */
export type Held = { readonly value: string; readonly version: number | null };

/** A destination as its readers see it. */
export type Place = {
  readonly name: string;
  held(): Promise<Held | null>;
  /** The application would read this version now. */
  expectVersion(version: number | null): Promise<void>;
};

function place(name: string, held: () => Promise<Held | null>): Place {
  return {
    name,
    held,
    expectVersion: async (version) => {
      const found = await held();
      expect(`${name} has version ${found?.version ?? null}`).toBe(`${name} has version ${version}`);
    },
  };
}

export function vaultPlace(vault: FakeVault, path = 'secret/footage/frameflow'): Place {
  return place('vault', async () => {
    const secrets = new Map(
      vault.observe() as ReadonlyArray<readonly [string, ReadonlyArray<{ data: object | null }>]>,
    );
    return heldIn(secrets.get(path)?.at(-1)?.data ?? null);
  });
}

export function awsPlace(aws: FakeSecretsManager, secretId = 'footage/frameflow'): Place {
  return place('aws', async () => {
    const known = (aws.observe() as ReadonlyArray<{ readonly name: string }>).some(
      ({ name }) => name === secretId,
    );
    const text = known ? aws.stages(secretId).AWSCURRENT : null;
    return text ? heldIn(JSON.parse(text)) : null;
  });
}

export function filePlace(path: string): Place {
  return place('file', async () => {
    const text = await readFile(path, 'utf8').catch(() => '');
    const value = new RegExp(`^${VARIABLE}=(.+)$`, 'm').exec(text)?.[1];
    const version = new RegExp(`^# keywarden:1 ${VARIABLE} version (\\d+) `, 'm').exec(text)?.[1];
    return value === undefined ? null : { value, version: version === undefined ? null : Number(version) };
  });
}

/** A field and its mark, as stores of JSON objects hold them. */
function heldIn(fields: object | null): Held | null {
  const { api_key: value, api_key_keywarden: note } = (fields ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof value !== 'string' || value === '') return null;
  const version = typeof note === 'string' ? (JSON.parse(note) as { version: number }).version : null;
  return { value, version };
}
