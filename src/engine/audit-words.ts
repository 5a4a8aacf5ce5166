import type { AuditFault } from '../state/contract.ts';

/**
 * A break of the audit log in words, for an alert and the command line.
 *
 * @example brokenAt(fault) // 'entries 8 to 10 are missing'
 */
export function brokenAt({ what, first, last }: AuditFault): string {
  switch (what) {
    case 'changed':
      return `entry ${first} is not as it was written, or not in its place`;
    case 'missing':
      return first === last ? `entry ${first} is missing` : `entries ${first} to ${last} are missing`;
    case 'inserted':
      return `entry ${first} was not written by Keywarden`;
    case 'begin':
      return 'the seal of its begin is gone or was changed';
    case 'end':
      return `the seal of its end, after entry ${last}, is gone or was changed`;
    case 'replaced':
      return `entry ${first} is gone or another than before: an older end of the log was put back`;
    case 'unreadable':
      return 'what was kept of its end beside the database cannot be read';
  }
}
