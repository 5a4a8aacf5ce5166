import type { Net, NetRequest, PluginContext } from '../../src/model/index.ts';
import { testNet } from '../../src/net/testing/index.ts';
import { memoryLog, testHash } from '../../src/stores/parts.suite.ts';
import { clock, noFiles } from '../../src/stores/vault/testing.ts';

/** A port of loopback on which nothing listens: "discard", which no system serves any more. */
const NOWHERE = 'http://127.0.0.1:9/';

/** A real connection whose way to the server can be cut. */
export type CuttableNet = Net & { cut: boolean };

export function cuttableNet(): CuttableNet {
  const net = testNet(null, { allowPlaintextLoopback: true });
  const cuttable = {
    ...net,
    cut: false,
    request: (request: NetRequest) => net.request(cuttable.cut ? { ...request, url: NOWHERE } : request),
  };
  return cuttable;
}

/** What a store is given, and what it logged. */
export function ground<Config>(
  name: string,
  config: Config,
  net: Net,
): { readonly context: PluginContext<Config>; logged(): string } {
  const { log, text } = memoryLog();
  return { context: { name, config, net, files: noFiles, log, clock, hash: testHash }, logged: text };
}
