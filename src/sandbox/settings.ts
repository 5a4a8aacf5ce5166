import { z } from 'zod';
import { Networks } from './networks.ts';
import { changed, OAUTH_DEFAULTS, type OAuthSettings, oauthChange } from './oauth-settings.ts';

const tier = z.union([z.enum(['standard', 'pro']), z.strictObject({ requestsPerMinute: z.int().min(1) })]);

export type Tier = z.output<typeof tier>;

const stockflowTier = z.union([
  z.enum(['standard', 'enterprise']),
  z.strictObject({ requestsPerMinute: z.int().min(1) }),
]);

export type StockFlowTier = z.output<typeof stockflowTier>;

/** What can be changed while the sandbox runs. */
export const settingsChange = z
  .strictObject({
    propagationMs: z.int().min(0),
    nodes: z.int().min(1).max(16),
    idempotency: z.boolean(),
    tier,
    registeredNetworks: z.array(z.string()).nullable(),
    stockflowTier,
    oauth: oauthChange,
  })
  .partial();

/** A field that is absent stays as it is. */
export type SettingsChange = z.input<typeof settingsChange>;

/** How FrameFlow and StockFlow treat their accounts now. */
export class Settings {
  /** How long until the last node knows a fresh key, ms. */
  propagationMs = 0;
  /** How many nodes take requests in turn; they learn of a fresh key one after the other. */
  nodes = 1;
  /** Whether the account has Idempotency-Key. */
  idempotency = true;
  tier: Tier = 'pro';
  /** CIDR blocks from which keys may be used; null: from anywhere. */
  registeredNetworks: Networks | null = null;
  stockflowTier: StockFlowTier = 'standard';
  /** FrameFlow's authorization server. */
  oauth: OAuthSettings = OAUTH_DEFAULTS;

  /**
   * Changes all or nothing.
   * @throws {RangeError} where a block of `registeredNetworks` cannot be read; {@link z.ZodError} where `oauth` cannot
   */
  change(change: SettingsChange): void {
    const { propagationMs, nodes, idempotency, tier, registeredNetworks, stockflowTier, oauth } = change;
    const server = changed(this.oauth, oauth ?? {});
    if (registeredNetworks === null) this.registeredNetworks = null;
    else if (registeredNetworks !== undefined) this.registeredNetworks = new Networks(registeredNetworks);
    this.oauth = server;
    this.propagationMs = propagationMs ?? this.propagationMs;
    this.nodes = nodes ?? this.nodes;
    this.idempotency = idempotency ?? this.idempotency;
    this.tier = tier ?? this.tier;
    this.stockflowTier = stockflowTier ?? this.stockflowTier;
  }

  get requestsPerMinute(): number {
    if (this.tier === 'standard') return 120;
    return this.tier === 'pro' ? 600 : this.tier.requestsPerMinute;
  }

  get stockflowRequestsPerMinute(): number {
    if (this.stockflowTier === 'standard') return 1_200;
    return this.stockflowTier === 'enterprise' ? 5_000 : this.stockflowTier.requestsPerMinute;
  }

  /** As RotateResult names it. */
  get tierName(): 'Standard' | 'Pro' | 'Enterprise' {
    if (this.tier === 'standard') return 'Standard';
    return this.tier === 'pro' ? 'Pro' : 'Enterprise';
  }
}
