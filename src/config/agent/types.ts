import type { HookConfig } from '../../hooks/contract.ts';
import type { SecretSource } from '../../model/index.ts';
import type { FileTarget } from '../../stores/file/schema.ts';
import type { ApiConfig, Config } from '../types.ts';

/** One file where an agent writes a credential. */
export type AgentDestination = {
  /** As the daemon's destinations: `file:/run/app/.env#FRAMEFLOW_API_KEY`. */
  readonly id: string;
  readonly target: FileTarget;
  /** What runs once a new version has arrived there. */
  readonly onChange: HookConfig | null;
};

export type AgentCredential = {
  readonly name: string;
  /** Empty: it is served by the local API alone. */
  readonly destinations: readonly AgentDestination[];
};

/** How the Keywarden is reached that an agent takes versions from. */
export type UpstreamConfig = {
  /** The base of its API's paths, without a slash at the end. */
  readonly url: string;
  /** Read anew for each request. */
  readonly token: SecretSource;
  readonly caFile: string | null;
  readonly proxy: string | null;
  /** For a connection and for an answer that nothing is waited for, ms. */
  readonly timeout: number;
  readonly allowPlaintextLoopback: boolean;
};

/** The agent's whole configuration: parsed once, deeply frozen, every default filled in. */
export type AgentConfig = {
  readonly installation: Config['installation'];
  /** By which the upstream knows it; null: made of the installation's name and the host's. */
  readonly name: string | null;
  readonly state: {
    readonly directory: string;
    /** The first seals, all open. */
    readonly encryptionKeys: readonly SecretSource[];
  };
  readonly upstream: UpstreamConfig;
  readonly credentials: Readonly<Record<string, AgentCredential>>;
  readonly api: ApiConfig;
  readonly log: Config['log'];
};
