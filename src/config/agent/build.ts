import { apiOf, deepFreeze, hookOf, named } from '../build.ts';
import { destinationId, fileTarget } from '../destination.ts';
import type { Draft } from '../parse.ts';
import type { Directories } from '../paths.ts';
import type { Environment } from '../secret-reader.ts';
import type { ParsedAgent } from './schema.ts';
import type { AgentConfig, AgentCredential, AgentDestination } from './types.ts';

type Sources = { readonly draft: Draft; readonly directories: Directories; readonly env: Environment };

/** The configuration of a faultless file. `parsed` has its paths made absolute and its references bound already. */
export function buildAgentConfig(parsed: ParsedAgent, { draft, directories, env }: Sources): AgentConfig {
  const [systemd] = (env.STATE_DIRECTORY ?? '').split(':');
  const { url, token, tls, proxy, timeout, allowPlaintextLoopback } = parsed.upstream;
  return deepFreeze({
    installation: parsed.installation,
    name: parsed.agent?.name ?? null,
    state: {
      directory: parsed.state.directory ?? (systemd || '/var/lib/keywarden-agent'),
      encryptionKeys: parsed.state.encryptionKeys,
    },
    upstream: {
      url,
      token,
      caFile: tls?.caFile ?? null,
      proxy: proxy ?? null,
      timeout,
      allowPlaintextLoopback,
    },
    credentials: named(
      parsed.credentials,
      (credential, name): AgentCredential => ({
        name,
        destinations: credential.publish.map((entry) => destinationOf(entry, name, parsed)),
      }),
    ),
    api: apiOf(parsed.api, { draft, directories }),
    log: { level: parsed.log?.level ?? 'info', format: parsed.log?.format ?? 'json' },
  });
}

function destinationOf(
  entry: ParsedAgent['credentials'][string]['publish'][number],
  name: string,
  { credentials }: ParsedAgent,
): AgentDestination {
  const { onChange, ...target } = entry;
  const id = destinationId({ ...entry, required: true, consumerLag: 0 }, (file) => file, name);
  return { id, target: fileTarget(target, name, credentials), onChange: hookOf(onChange) };
}
