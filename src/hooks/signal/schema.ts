import { z } from 'zod';

/** `{ signal: SIGHUP, pidFile: /run/app.pid }` */
export const schema = z.strictObject({
  signal: z.enum(['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGINT', 'SIGWINCH']),
  pidFile: z.string().min(1),
});

export type SignalConfig = z.output<typeof schema>;
