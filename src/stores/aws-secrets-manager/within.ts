/**
 * What `work` comes to, or the error that `stopped` makes as soon as `signal` ends. The SDK goes on waiting (for
 * credentials, for a repeat) where a signal does not reach; then it is no longer waited for.
 */
export async function within<T>(
  signal: AbortSignal,
  stopped: () => Error,
  work: () => Promise<T>,
): Promise<T> {
  const end = Promise.withResolvers<never>();
  const stop = () => end.reject(stopped());
  if (signal.aborted) throw stopped();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(), end.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
