import { plaintextFault } from '../model/fields.ts';
import { type Fault, faultAt, type KeyPath } from './fault.ts';
import { quote, suggestion } from './quote.ts';
import { find, matches, namesAt, type Tree, textAt, toValue } from './tree.ts';

/** A value, or with `key` the key itself, that must be the name of an entry elsewhere. */
type Reference = { readonly at: string; readonly key?: true; readonly to: KeyPath; readonly what: string };

const REFERENCES: readonly Reference[] = [
  { at: 'credentials.*.provider', to: ['providers'], what: 'provider' },
  { at: 'credentials.*.publish.*.store', to: ['stores'], what: 'store' },
  { at: 'oauthClients.*.provider', to: ['providers'], what: 'provider' },
  { at: 'monitors.*.provider', to: ['providers'], what: 'provider' },
  { at: 'monitors.*.credential', to: ['credentials'], what: 'credential' },
  { at: 'monitors.*.perCredential.*', key: true, to: ['credentials'], what: 'credential' },
  { at: 'alerts.routes.*.channels.*', to: ['alerts', 'channels'], what: 'channel' },
  { at: 'alerts.routes.*.escalate.channels.*', to: ['alerts', 'channels'], what: 'channel' },
  { at: 'alerts.routes.*.match.credential.*', to: ['credentials'], what: 'credential' },
  { at: 'api.tokens.*.credentials.*', to: ['credentials'], what: 'credential' },
  { at: 'api.tokens.*.oauthClients.*', to: ['oauthClients'], what: 'OAuth client' },
];

/** Names that lead nowhere. */
export function referenceFaults(tree: Tree): readonly Fault[] {
  return REFERENCES.flatMap(({ at, key, to, what }) => {
    const names = namesAt(tree, to);
    return matches(tree, at).flatMap(({ path, node }) => {
      const name = key ? path.at(-1) : toValue(node);
      if (typeof name !== 'string' || names.includes(name)) return [];
      const hint = names.length === 0 ? `nothing stands under ${to.join('.')}` : suggestion(name, names);
      const verdict = {
        problem: `no ${what} is named ${quote(name)}`,
        expected: `the name of a ${what}`,
        hint,
      };
      return [faultAt(key ? node.keyPlace : node.place, path, verdict)];
    });
  });
}

/** Where an address stands; `loopback`: plain http to this machine is fine unless it is forbidden. */
const ADDRESSES: ReadonlyArray<{ readonly at: string; readonly loopback?: true }> = [
  { at: 'providers.*.apiUrl' },
  { at: 'providers.*.authUrl' },
  { at: 'providers.*.issuer' },
  { at: 'providers.*.authorizationEndpoint' },
  { at: 'providers.*.tokenEndpoint' },
  { at: 'providers.*.revocationEndpoint' },
  { at: 'providers.*.introspectionEndpoint' },
  { at: 'stores.*.address' },
  { at: 'stores.*.nodes.*' },
  { at: 'stores.*.endpoint' },
  { at: 'alerts.channels.*.eventsUrl' },
  { at: 'alerts.channels.*.url' },
  { at: 'alerts.heartbeat.url' },
  { at: 'credentials.*.publish.*.onChange.http.url', loopback: true },
  { at: 'oauthClients.*.redirectUri', loopback: true },
  { at: 'oauthClients.*.returnUrls.*', loopback: true },
  { at: 'api.publicUrl', loopback: true },
  { at: 'upstream.url' },
];

/** Addresses that would send secrets in the clear. Shown by their origin: a path may be a secret itself. */
export function plaintextFaults(tree: Tree): readonly Fault[] {
  return ADDRESSES.flatMap(({ at, loopback = false }) =>
    matches(tree, at).flatMap(({ path, node }) => {
      const address = textAt(tree, path);
      const owner = path.slice(0, at.endsWith('.*') ? -2 : -1);
      const allowed = allowsPlaintext(tree, owner) ?? loopback;
      const problem = address?.startsWith('http:') ? plaintextFault(address, allowed) : null;
      if (address === undefined || problem === null) return [];
      const expected = problem.replace(/^expected /, '');
      return [faultAt(node.place, path, { expected, found: quote(URL.parse(address)?.origin) })];
    }),
  );
}

/** Null where nothing is said of it. */
function allowsPlaintext(tree: Tree, path: KeyPath): boolean | null {
  const node = find(tree, [...path, 'allowPlaintextLoopback']);
  return node === undefined ? null : toValue(node) === true;
}
