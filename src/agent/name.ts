/** As everywhere else: a-z, 0-9, ".", "_", "-". */
const LONGEST = 63;

/**
 * By which the upstream knows an agent: the installation's name and the host's. Of one that is too long the end counts, for
 * there the names of pods differ.
 *
 * @example agentName('footage', 'Checkout-7d9f') // 'footage-checkout-7d9f'
 */
export function agentName(installation: string, host: string): string {
  const whole = `${installation}-${host}`.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  return whole.slice(-LONGEST).replace(/^[._-]+/, '');
}
