import type { Secret } from './secret.ts';

/** Wall and monotonic time, and timers that follow them. The only source of time in the shells and edges. */
export type Clock = {
  /** Wall time, integer ms since the epoch. */
  now(): number;
  /** Monotonic ms, for deadlines and durations; its zero means nothing. */
  monotonic(): number;
  /** Ms that pass as fast as wall time does, without its steps; its zero means nothing. */
  steady(): number;
  /** Runs `task` once after `ms` of wall time (any length: long ones are split); returns its cancellation. */
  after(ms: number, task: () => void): () => void;
};

export type NetRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For the whole exchange, name look-up to last byte, in ms of monotonic time. Default: the connection's. */
  readonly deadlineMs?: number;
  /** Largest body accepted after decompression, in bytes. Default 64 KiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
};

export type NetResponse = {
  readonly status: number;
  /** Names in lower case; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** What a file of the service's own, such as a kubeconfig, says of TLS; all PEM. */
export type NetIdentity = {
  /** Trusted in place of the roots of the world, beside the configured CA. */
  readonly ca?: string;
  /** Shown to a service that asks who connects. */
  readonly client?: { readonly certificate: string; readonly key: Secret };
};

/**
 * A connection to one configured service: TLS 1.2 or later, its CA, its proxy, redirects refused, a total
 * deadline, a cap on the body after decompression, link-local and metadata addresses refused.
 * Throws {@link import('./errors.ts').EdgeError}: `retryable` where nothing was sent, `unknown` where it may have been.
 */
export type Net = {
  request(request: NetRequest): Promise<NetResponse>;
  /** The same rules in the shape of the standard `fetch`, for a vendor's client. */
  readonly fetch: typeof globalThis.fetch;
  /** The resolved TLS trust, for a vendor's client that can take neither of the above. */
  readonly trust: { readonly ca?: string; readonly rejectUnauthorized: true };
  /**
   * Another connection to the same service under the same rules, with an identity that was read since; whoever asks
   * for it closes it. @throws {EdgeError} `ca_file` or `client_certificate` where it cannot be used
   */
  as(identity: NetIdentity): Net;
  close(): Promise<void>;
};

/** How a plug-in's connection is made: the keys that providers, stores and channels share in the configuration. */
export type NetOptions = {
  readonly caFile?: string;
  readonly proxy?: string;
  readonly timeoutMs: number;
  readonly allowPlaintextLoopback: boolean;
  /** Link-local and metadata addresses or names that `network.allow` lists. */
  readonly allow: readonly string[];
};

/** Hashes that need a key or randomness-free spreading; handed in, so that pure rooms stay pure. */
export type Hash = {
  /** Keyed hash of a secret value, safe to show: 12 hexadecimal characters. */
  fingerprint(value: Secret): string;
  /** SHA-256 of the parts (length-prefixed), hexadecimal. */
  digest(...parts: readonly string[]): string;
  /** A number in [0, 1) that depends on the parts alone: jitter that survives a restart. */
  unit(...parts: readonly string[]): number;
};

/** Structured log; a field that is a Secret prints as [redacted]. */
export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
};

/** Files as stores and hooks may touch them. */
export type Files = {
  /**
   * The file, or null where there is none. Refuses special files, files over `maxBytes` (1 MiB), and symbolic links
   * unless they are to be followed.
   */
  read(
    path: string,
    options?: { readonly follow?: boolean },
  ): Promise<{
    readonly content: Buffer;
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    /** It belongs to neither Keywarden's user nor, where that is root, its folder's owner. */
    readonly foreign: boolean;
  } | null>;
  /** Replaces the file atomically: temporary file in the same folder, fsync, rename, fsync of the folder. */
  replace(
    path: string,
    content: Uint8Array,
    options: {
      readonly mode: number;
      readonly uid?: number;
      readonly gid?: number;
      /**
       * What the file must still hold right before it is replaced (null: there must be none), else `conflict`
       * (retryable) is thrown and nothing is lost. Absent: not compared.
       */
      readonly expected?: Uint8Array | null;
    },
  ): Promise<void>;
  /** Removes temporary files that a crash left in the folder of `path`. */
  sweep(path: string): Promise<void>;
  /**
   * Throws an EdgeError where `path` could not be replaced now: no folder, no right, a link, a foreign owner, or,
   * where they are given, a mode or owner that cannot be set.
   */
  probe(
    path: string,
    options?: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
  ): Promise<void>;
};

/** All that a plug-in (provider, store, channel) is given. */
export type PluginContext<Config> = {
  readonly name: string;
  readonly config: Config;
  readonly net: Net;
  readonly files: Files;
  readonly log: Log;
  readonly clock: Clock;
  readonly hash: Hash;
};
