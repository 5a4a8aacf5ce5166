import type { Command } from 'commander';
import type { AuditExportOptions, AuditVerifyOptions } from './audit.ts';
import { type Does, remote } from './options.ts';

/** The commands about the audit log. */
export function addAudit(program: Command, does: Does): void {
  const audit = program.command('audit').description('check and export the audit log');
  remote(
    audit.command('verify').description('compare the log with its chain of hashes; 1 where it is broken'),
  )
    .option('--accept', 'take a broken log as it stands, and end the alert; needs --reason')
    .option('--reason <text>', 'why; it stands in the log')
    .action((options: AuditVerifyOptions) =>
      does(async () => (await import('./audit.ts')).verifyAudit(options)),
    );
  remote(audit.command('export').description('print the log in NDJSON, oldest entry first'))
    .option('--since <time>', 'entries at this time or later; a duration such as 30d counts back from now')
    .option('--until <time>', 'entries before this time')
    .action((options: AuditExportOptions) =>
      does(async () => (await import('./audit.ts')).exportAudit(options)),
    );
}
