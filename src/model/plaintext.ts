const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with the scheme of `address`, or null: https always, http on loopback only where allowed. */
export function plaintextFault(address: string, allowPlaintextLoopback: boolean): string | null {
  const parsed = URL.parse(address);
  if (parsed === null || parsed.protocol === 'https:') return null;
  if (!LOOPBACK.test(parsed.hostname)) return 'expected https://; plain http is refused';
  return allowPlaintextLoopback
    ? null
    : 'expected https://, or allowPlaintextLoopback: true beside a loopback address';
}
