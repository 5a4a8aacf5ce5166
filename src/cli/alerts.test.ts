import { expect, test } from 'vitest';
import { alertView } from '../api/views.ts';
import { ALERT, NOW } from '../channels/contract.suite.ts';
import { alertRows, standing } from './alerts.ts';

test('an event is shown as one, though its state is resolved', () => {
  const rows = (over: Partial<typeof ALERT>) => alertRows([alertView({ ...ALERT, ...over }, [])], NOW);
  expect(rows({ state: 'resolved' })).toMatch(/ resolved /);
  expect(rows({ state: 'resolved', transient: true })).toMatch(/ event /);
  const taken = { state: 'resolved', transient: true, acknowledgedBy: 'ops' } as const;
  expect(rows(taken)).toMatch(/ event \(ops\) /);
  expect(rows({ state: 'acknowledged', acknowledgedBy: 'ops' })).toMatch(/ acknowledged \(ops\) /);
});

test('who takes an alert on learns how it stands, and where one goes on that got worse', () => {
  const said = (over: Partial<typeof ALERT>) => standing(alertView({ ...ALERT, ...over }, []));
  expect(said({ state: 'acknowledged', acknowledgedBy: 'ops' })).toBe('acknowledged by ops');
  const event = { state: 'resolved', transient: true } as const;
  expect(said({ ...event, acknowledgedBy: 'ops' })).toBe('acknowledged by ops');
  expect([said(event), said({ state: 'resolved', acknowledgedBy: 'ops' })]).toEqual(['resolved', 'resolved']);
  expect(said({ state: 'resolved', evidence: { goesOnAs: 'alert-2' } })).toBe(
    'it got worse and goes on as alert-2; to take that on: keywarden alerts ack alert-2',
  );
});
