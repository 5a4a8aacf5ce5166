import { createHash } from 'node:crypto';
import { identityOf } from '../../../src/alerting/identity.ts';
import { process } from '../../../src/alerting/pipeline.ts';
import type { Message } from '../../../src/channels/contract.ts';
import { type Alert, HOUR, type Raise, SECOND } from '../../../src/model/index.ts';

const digest = (...parts: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** The alert that the pipeline makes of it, and the message of its begin as the engine gives it to a channel. */
export function alertFrom(raise: Raise): { readonly alert: Alert; readonly message: Message } {
  const scope = { installation: 'footage', environment: 'production', digest };
  const [put] = process([raise], [], {
    ...scope,
    now: raise.at + SECOND,
    routes: [],
    channels: {},
    deliveries: [],
    silences: [],
    open: [],
    repeat: 4 * HOUR,
    newId: () => '0199c1d2-7a31-7c55-8f00-3c1d5e0a9b42',
  });
  if (put?.type !== 'alert.put') throw new TypeError(`no alert came of ${identityOf(raise)}`);
  const { alert } = put;
  const watched = alert.credential !== undefined || alert.monitor !== undefined;
  const message: Message = {
    id: 'delivery-1',
    event: 'trigger',
    alert,
    provider: watched ? 'frameflow' : null,
    installation: scope.installation,
    environment: scope.environment,
    links: [{ text: 'Keywarden', href: 'https://keywarden.example.com' }],
    runbook: alert.kind === 'test' ? 'docs/runbooks/README.md' : `docs/runbooks/${alert.kind}.md`,
    repeat: false,
  };
  return { alert, message };
}
