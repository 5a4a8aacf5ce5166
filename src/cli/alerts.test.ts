import { expect, test } from 'vitest';
import { alertView } from '../api/views.ts';
import { ALERT, NOW } from '../channels/contract.suite.ts';
import { alertRows } from './alerts.ts';

test('an event is shown as one, though its state is resolved', () => {
  const rows = (over: Partial<typeof ALERT>) => alertRows([alertView({ ...ALERT, ...over }, [])], NOW);
  expect(rows({ state: 'resolved' })).toMatch(/ resolved /);
  expect(rows({ state: 'resolved', transient: true })).toMatch(/ event /);
  expect(rows({ state: 'acknowledged', acknowledgedBy: 'ops' })).toMatch(/ acknowledged \(ops\) /);
});
