import type { Agent } from 'node:https';

const agents = new Map<string, Agent>();

/** One exchange over real TLS; the status and the body. Connections are kept, one pool for each authority. */
export function get(
  url: string,
  options: { readonly ca: string; readonly key: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const { Agent, request } = process.getBuiltinModule('node:https');
  const agent = agents.get(options.ca) ?? new Agent({ ca: options.ca, keepAlive: true });
  agents.set(options.ca, agent);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { agent, headers: { authorization: `Bearer ${options.key}` } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}
