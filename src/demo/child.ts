/** What a process of the demonstration does until it is told to end. */
export type Program = {
  run(): Promise<void>;
  /** Lets it end what it is at. */
  stop(): void;
};

/** Tells the parent; nothing where it is gone. */
export function tell(report: object): void {
  if (process.connected) process.send?.(report);
}

/**
 * Runs the program where this process was started for it, that is with its role and its assignment as JSON, until its
 * parent says `stop` or is gone. A Ctrl-C on the terminal reaches it too and is its parent's affair.
 */
export function runAsChild<Assignment>(role: string, make: (assignment: Assignment) => Program): void {
  if (process.argv[2] !== role || !process.connected) return;
  const program = make(JSON.parse(process.argv[3] ?? '') as Assignment);
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', () => program.stop());
  void program.run().then(() => process.disconnect?.());
}
