import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Net } from '../../model/index.ts';
import type { Authority } from '../../sandbox/tls.ts';
import { type CreateNetOptions, createNet } from '../net.ts';

/** A connection as `main` makes it, which trusts `ca` besides the roots. Close it after use. */
export function testNet(ca: Authority | null, options: Partial<CreateNetOptions> = {}): Net {
  const defaults = { timeoutMs: 5_000, allowPlaintextLoopback: false, allow: [] };
  if (ca === null) return createNet({ ...defaults, ...options });
  const directory = mkdtempSync(join(tmpdir(), 'keywarden-ca-'));
  try {
    const caFile = join(directory, 'ca.pem');
    writeFileSync(caFile, ca.pem);
    return createNet({ ...defaults, caFile, ...options });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
