import { expect, test } from 'vitest';
import { identityOf } from '../alerting/identity.ts';
import type { Alert, Claim, Raise, Signal } from '../model/index.ts';
import { Defects } from './defects.ts';

const CLAIM = { kind: 'publication', id: 'frameflow-prod vault' } as Claim;
const NOW = Date.UTC(2026, 9, 1, 9);

/** What fails so often that it is told. */
function told(): Raise {
  const defects = new Defects();
  const signals = [1, 2, 3].flatMap((): Signal[] => defects.failed(CLAIM, new TypeError('broken'), NOW));
  const [raised] = signals;
  if (raised?.type !== 'raise' || signals.length > 1) throw new Error('one is told');
  return raised;
}

test('a failure that lasts is told, and its end too', () => {
  const defects = new Defects();
  for (let failures = 1; failures <= 2; failures += 1)
    expect(defects.failed(CLAIM, new TypeError('broken'), NOW)).toEqual([]);
  expect(defects.failed(CLAIM, new TypeError('broken'), NOW)).toMatchObject([{ severity: 'critical' }]);
  expect(defects.succeeded(CLAIM, NOW)).toMatchObject([{ type: 'resolve' }]);
  expect(defects.succeeded(CLAIM, NOW)).toEqual([]);
});

test('what was told before the start ends with the first good turn', async () => {
  const { kind, credential, condition } = told();
  const defects = new Defects();
  const open = [condition, 'frameflow-prod'].map((each) => identityOf({ ...told(), condition: each }));
  const openAlerts = async () => open.map((identity) => ({ identity }) as Alert);
  await defects.recall({ openAlerts }, ['frameflow-prod']);
  expect(defects.succeeded({ ...CLAIM, id: 'frameflow-prod aws' }, NOW)).toEqual([]);
  expect(defects.succeeded(CLAIM, NOW)).toEqual([{ type: 'resolve', kind, credential, condition, at: NOW }]);
  expect(defects.succeeded(CLAIM, NOW)).toEqual([]);
});
