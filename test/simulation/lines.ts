import type { Change, Grant } from '../../src/model/index.ts';

/** A change as the trace has it. */
export function lineOf(change: Change): string {
  switch (change.type) {
    case 'rotation.put':
      return `rotation ${change.rotation.id} ${change.rotation.state}${change.rotation.queued ? ' (queued)' : ''}`;
    case 'version.put':
      return `version ${change.version.number} ${change.version.keyId} ${change.version.state}`;
    case 'destination.put':
      return `destination ${change.destination.id} ${change.destination.state} ${change.destination.lastError?.code ?? ''}`;
    case 'alert.put':
      return `alert ${change.alert.id} ${change.alert.kind} ${change.alert.severity} ${change.alert.state}`;
    case 'delivery.put':
      return `delivery ${change.delivery.channel} ${change.delivery.event} ${change.delivery.state}`;
    case 'audit.append':
      return `audit ${change.entry.action}`;
    case 'grant.put':
      return `grant ${change.grant.subject} ${change.grant.state} ${change.grant.generation} ${sentOf(change.grant)} ${change.grant.lastError?.code ?? ''}`;
    case 'client.put':
      return `client ${change.record.pause?.why ?? 'at work'} ${change.record.failures}`;
    default:
      return change.type;
  }
}

function sentOf({ attempt }: Grant): string {
  return attempt === null ? 'at rest' : `sent ${attempt.sent}`;
}
