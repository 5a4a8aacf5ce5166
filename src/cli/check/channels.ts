import type { ChannelConfig, Config } from '../../config/types.ts';
import { CommandError, EXIT } from '../exit.ts';
import { type Result, tried } from './result.ts';

/** Each channel's server, over TLS and by the channel's own rules: any answer will do. No message is sent. */
export async function reachChannels({ channels, network }: Config): Promise<Result[]> {
  return Promise.all(
    Object.entries(channels).map(([name, channel]) =>
      tried(`channel ${name}`, () => reach(channel, network.allow)),
    ),
  );
}

async function reach(channel: ChannelConfig, allow: readonly string[]): Promise<string> {
  const { createNet } = await import('../../net/index.ts');
  const origin = await originOf(channel);
  const net = createNet({
    timeoutMs: channel.timeout,
    allowPlaintextLoopback: channel.allowPlaintextLoopback,
    allow,
    ...(channel.tls === undefined ? {} : { caFile: channel.tls.caFile }),
    ...(channel.proxy === undefined ? {} : { proxy: channel.proxy }),
  });
  try {
    await net.request({ method: 'HEAD', url: `${origin}/` });
    return `${origin} answers; not sent (\`keywarden alerts test\` sends)`;
  } finally {
    await net.close();
  }
}

/** Scheme and host alone: the path of a webhook is its secret. */
async function originOf(channel: ChannelConfig): Promise<string> {
  if (channel.kind === 'pagerduty') return new URL(channel.eventsUrl).origin;
  if (channel.kind === 'webhook') return new URL(channel.url).origin;
  const url = URL.parse((await channel.webhookUrl.read()).reveal());
  if (url !== null && /^https?:$/.test(url.protocol)) return url.origin;
  throw new CommandError(
    EXIT.faults,
    `${channel.webhookUrl.where} holds no URL; put the whole incoming webhook's URL there`,
  );
}
