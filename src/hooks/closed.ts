import { EdgeError } from '../model/index.ts';

/** The failure of a run that was to begin after the hook was closed. */
export function closedFault(): EdgeError {
  return new EdgeError({
    code: 'closed',
    verdict: 'retryable',
    message: 'the hook was not run: Keywarden is stopping; it is run after the next start',
  });
}

/** The failure of a run that was under way when the hook was closed. */
export function interruptedFault(): EdgeError {
  return new EdgeError({
    code: 'closed',
    verdict: 'unknown',
    message: 'the hook was stopped halfway: Keywarden is stopping; it is run again after the next start',
  });
}
