import { CidrSet } from './cidr.ts';
import type { ManagedKey, PlaceRules, Rules } from './contract.ts';

/** Why an accepted use of a key is by somebody who must not have it, wherever it comes from. */
export type Exposure = {
  readonly as: 'compromised' | 'unused' | 'orphaned';
  /** Uses up to this time were ordinary. */
  readonly since: number;
};

/** Who a key belongs to and from where it may be used. */
export type KeyFacts = {
  readonly keyId: string;
  readonly credential: string | null;
  /** Whose key it is, for a person; null where nobody configured it. */
  readonly owner: string | null;
  /** A use after this time is a use of a retired key; null: the key is not retired. */
  readonly retiredAt: number | null;
  /** Null: the key is nobody's but ours, as far as we know. */
  readonly exposure: Exposure | null;
  /** Null: no rule. */
  readonly countries: ReadonlySet<string> | null;
  readonly allowlist: CidrSet | null;
  /** Where the lists that apply are written, below the monitor: 'geolocations', 'otherKeys.key_7Qm2.ipAllowlist'. */
  readonly writtenAt: { readonly countries: string; readonly allowlist: string };
};

type Places = Pick<KeyFacts, 'countries' | 'allowlist' | 'writtenAt'>;

const NO_RULES: Places = {
  countries: null,
  allowlist: null,
  writtenAt: { countries: 'geolocations', allowlist: 'ipAllowlist' },
};

/**
 * Resolves a key id to its facts: a managed key has its credential's rules, any other its own, and each rule that is
 * absent there is the monitor's.
 */
export class Directory {
  readonly #monitor: Places;
  readonly #credentials = new Map<string, Places>();
  readonly #others = new Map<string, KeyFacts>();
  #keys: readonly ManagedKey[] | null = null;
  #facts = new Map<string, KeyFacts>();

  /** @throws {TypeError} where an allowlist holds what is no CIDR block */
  constructor(rules: Rules) {
    this.#monitor = placesOf(rules, NO_RULES, '');
    for (const [name, own] of Object.entries(rules.perCredential)) {
      this.#credentials.set(name, placesOf(own, this.#monitor, `perCredential.${name}.`));
    }
    for (const [keyId, own] of Object.entries(rules.otherKeys)) {
      this.#others.set(keyId, {
        keyId,
        credential: null,
        owner: own.owner,
        retiredAt: own.retired ? Number.NEGATIVE_INFINITY : null,
        exposure: null,
        ...placesOf(own, this.#monitor, `otherKeys.${keyId}.`),
      });
    }
  }

  /** The managed keys as the state knows them now; the same list again costs nothing. */
  setKeys(keys: readonly ManagedKey[]): void {
    if (keys === this.#keys) return;
    this.#keys = keys;
    this.#facts = new Map(this.#others);
    for (const key of keys) this.#facts.set(key.keyId, this.#managed(key));
  }

  #managed(key: ManagedKey): KeyFacts {
    return {
      keyId: key.keyId,
      credential: key.credential,
      owner: key.credential,
      retiredAt: retiredAt(key),
      exposure: exposureOf(key),
      ...(this.#credentials.get(key.credential) ?? this.#monitor),
    };
  }

  /** Another one whenever the facts may be others. */
  get edition(): object {
    return this.#facts;
  }

  /** Neither managed nor configured: the monitor's rules, and nobody's key. */
  of(keyId: string): KeyFacts {
    const known = this.#facts.get(keyId);
    if (known !== undefined) return known;
    return { keyId, credential: null, owner: null, retiredAt: null, exposure: null, ...this.#monitor };
  }

  /** The keys that Keywarden manages. */
  get managed(): readonly ManagedKey[] {
    return this.#keys ?? [];
  }

  /** The ids of all keys of a credential that the state knows. */
  keysOf(credential: string): readonly string[] {
    return this.managed.filter((key) => key.credential === credential).map((key) => key.keyId);
  }
}

/** A rule that is absent is the wider one. */
function placesOf({ geolocations, ipAllowlist }: PlaceRules, wider: Places, at: string): Places {
  return {
    countries: geolocations === null ? wider.countries : new Set(geolocations),
    allowlist: ipAllowlist === null ? wider.allowlist : new CidrSet(ipAllowlist),
    writtenAt: {
      countries: geolocations === null ? wider.writtenAt.countries : `${at}geolocations`,
      allowlist: ipAllowlist === null ? wider.writtenAt.allowlist : `${at}ipAllowlist`,
    },
  };
}

/** A superseded key counts as retired once its time is up, even before the state says so. */
function retiredAt({ state, expiresAt }: ManagedKey): number | null {
  if (state === 'retired') return expiresAt ?? Number.NEGATIVE_INFINITY;
  return state === 'retiring' || state === 'compromised' ? expiresAt : null;
}

/** A key that was never given to anybody is exposed by whatever use is made of it. */
function exposureOf({ state, compromisedAt }: ManagedKey): Exposure | null {
  if (state === 'unused' || state === 'orphaned') return { as: state, since: Number.NEGATIVE_INFINITY };
  return compromisedAt === null ? null : { as: 'compromised', since: compromisedAt };
}
