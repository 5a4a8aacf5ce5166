import { expect, test } from 'vitest';
import { faultOf } from './fault.ts';

test('each errno that can be expected has its own code and says what to do', () => {
  const seen = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EBUSY', 'EMFILE', 'ENFILE', 'EIO'].map(
    (code) => {
      const { failure } = faultOf(Object.assign(new Error('planted'), { code }), 'write', '/run/app/.env');
      expect(failure.message).toMatch(/^cannot write \/run\/app\/\.env: .*; /);
      expect(failure.message).not.toContain('planted');
      return `${failure.code} ${failure.verdict}`;
    },
  );
  expect(seen).toEqual([
    'no_right permanent',
    'no_right permanent',
    'read_only permanent',
    'disk_full retryable',
    'disk_full retryable',
    'mounted_file permanent',
    'too_many_files retryable',
    'too_many_files retryable',
    'io_error retryable',
  ]);
});
