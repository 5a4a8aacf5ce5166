import type { z } from 'zod';
import type { schema as pagerduty } from '../channels/pagerduty/schema.ts';
import type { schema as slack } from '../channels/slack/schema.ts';
import type { schema as webhook } from '../channels/webhook/schema.ts';
import type { Rules } from '../detectors/contract.ts';
import type { HookConfig } from '../hooks/contract.ts';
import type { AlertKind, SecretSource, Severity } from '../model/index.ts';
import type { OAuthClientSettings } from '../providers/contract.ts';
import type { schema as frameflow } from '../providers/frameflow/schema.ts';
import type { schema as oauth2 } from '../providers/oauth2/schema.ts';
import type { schema as stockflow } from '../providers/stockflow/schema.ts';
import type { GrantPolicy } from '../rotation/grants/situation.ts';
import type { RotationPolicy } from '../rotation/policy.ts';
import type { AwsSecretsManagerTarget, schema as aws } from '../stores/aws-secrets-manager/schema.ts';
import type { FileTarget } from '../stores/file/schema.ts';
import type { schema as kubernetes, target as kubernetesTarget } from '../stores/kubernetes/schema.ts';
import type { VaultTarget, schema as vault } from '../stores/vault/schema.ts';
import type { heartbeat } from './schema/alerts.ts';

export type ProviderConfig =
  | z.output<typeof frameflow>
  | z.output<typeof stockflow>
  | z.output<typeof oauth2>;
export type StoreConfig = z.output<typeof vault> | z.output<typeof aws> | z.output<typeof kubernetes>;
export type ChannelConfig = z.output<typeof slack> | z.output<typeof pagerduty> | z.output<typeof webhook>;

export type Target = VaultTarget | AwsSecretsManagerTarget | FileTarget | z.output<typeof kubernetesTarget>;

/** One place where a credential is published. */
export type DestinationConfig = {
  /** See `Destination.id` in the model. */
  readonly id: string;
  /** The store's name in the configuration; `file` for files, which need no entry. */
  readonly store: string;
  readonly target: Target;
  /** A mint waits until it can be written. */
  readonly required: boolean;
  /** How long its readers cache, ms. */
  readonly consumerLag: number;
  /** What runs after a publication here. */
  readonly onChange: HookConfig | null;
};

export type CredentialConfig = {
  readonly name: string;
  readonly provider: string;
  readonly keyId: string | null;
  readonly secret: SecretSource | null;
  readonly rotation: RotationPolicy;
  /** How often each destination is read back, ms, and what is done about a value there that is not ours. */
  readonly drift: { readonly check: number; readonly onDrift: 'alert' | 'overwrite' };
  readonly destinations: readonly DestinationConfig[];
};

/** One registration of an application of ours at a provider's authorization server. */
export type OAuthClientConfig = {
  readonly name: string;
  readonly provider: string;
  readonly settings: OAuthClientSettings;
  /** Where a callback may send the user on to; exact. */
  readonly returnUrls: readonly string[];
  readonly policy: GrantPolicy;
  /** What the provider allows the client, requests a minute. */
  readonly requestsPerMinute: number;
};

export type MonitorConfig = {
  readonly name: string;
  readonly provider: string;
  /** The credential whose key reads the log. */
  readonly credential: string;
  /** How far back on first start, ms. */
  readonly backfill: number;
  /** The country database for events that bear no place; absolute. */
  readonly geoip: { readonly database: string } | null;
  readonly rules: Rules;
};

export type RouteConfig = {
  /** Empty: matches everything. */
  readonly severity: readonly Severity[];
  readonly kind: readonly AlertKind[];
  readonly credential: readonly string[];
  readonly channels: readonly string[];
  readonly continue: boolean;
  /** Who else is told of what nobody has acknowledged so long after it began, ms. */
  readonly escalate: { readonly after: number; readonly channels: readonly string[] } | null;
};

export type HeartbeatConfig = z.output<typeof heartbeat>;

export type Role = 'admin' | 'operator' | 'app' | 'reader';

export type TokenConfig = {
  readonly name: string;
  readonly role: Role;
  readonly secrets: readonly SecretSource[];
  /** What an app may read. */
  readonly credentials: readonly string[];
  readonly oauthClients: readonly string[];
};

export type Listen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number; readonly gid: number | null };

export type ApiConfig = {
  readonly listen: Listen;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly behindTlsProxy: boolean;
  readonly publicUrl: string | null;
  readonly probes: Listen | null;
  readonly tokens: readonly TokenConfig[];
};

/** The whole configuration: parsed once, deeply frozen, every default filled in, every duration in ms, every path absolute. */
export type Config = {
  readonly installation: { readonly name: string; readonly environment: string };
  readonly state: {
    readonly directory: string;
    /** The SQLite file. */
    readonly database: string;
    /** The first seals, all open. */
    readonly encryptionKeys: readonly SecretSource[];
    /** `audit`: entries of the audit log; all are kept where it is not given. */
    readonly retain: { readonly rotations: number; readonly alerts: number; readonly audit?: number };
  };
  readonly schedule: { readonly timezone: string; readonly reconcile: string; readonly pollLogs: string };
  readonly network: { readonly allow: readonly string[] };
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly stores: Readonly<Record<string, StoreConfig>>;
  readonly credentials: Readonly<Record<string, CredentialConfig>>;
  readonly oauthClients: Readonly<Record<string, OAuthClientConfig>>;
  readonly monitors: Readonly<Record<string, MonitorConfig>>;
  readonly channels: Readonly<Record<string, ChannelConfig>>;
  /** In order. Never empty: without routes in the file, every channel, PagerDuty critical only. */
  readonly routes: readonly RouteConfig[];
  /** How long what follows an alert of its kind is gathered, and after how long what still holds is told again, ms. */
  /** ms. Without `repeat` in the file nothing is told again: then it is infinite. */
  readonly group: { readonly wait: number; readonly repeat: number };
  /** Who is called while all is well, and how often, ms. */
  readonly heartbeat: HeartbeatConfig | null;
  /** Null: the place of the package's own runbooks is told. */
  readonly runbookUrl: string | null;
  readonly api: ApiConfig;
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
    readonly format: 'json' | 'pretty';
  };
};
