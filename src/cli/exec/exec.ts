import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../engine/clock.ts';
import type { Client } from '../client.ts';
import { connect, VALUE_READERS } from '../connect.ts';
import { printable } from '../terminal.ts';
import { Application, type Ending, type Environment } from './application.ts';
import { type ExecOptions, type Order, orderOf } from './order.ts';
import { endBy, takeSignals } from './signals.ts';
import { Slots } from './stagger.ts';
import { firstValues, followValue, type Source, Trouble, type Value } from './values.ts';

/** As a shell says that a command cannot be executed, and that there is none. */
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;

/** What opens the daemon or its state is no business of the command's. */
const OURS = ['KEYWARDEN_TOKEN', 'KEYWARDEN_MASTER_KEY'];

/**
 * Runs a command with secrets in its environment until it ends, and gives the exit code.
 *
 * @param behind how many of the words stood behind `--`; null: there was none
 * @throws {CommandError} `usage`, `unreachable`, `refused`
 */
export async function exec(
  words: readonly string[],
  behind: number | null,
  options: ExecOptions,
): Promise<number> {
  const order = orderOf(words, behind, options);
  const slots =
    order.stagger === 0
      ? null
      : new Slots({ spacing: order.stagger, names: order.names, directory: options.staggerDirectory });
  const application = new Application(order);
  const starting = Promise.withResolvers<Ending>();
  const release = takeSignals((signal, fromTerminal) => {
    if (application.started) application.told(signal, !fromTerminal);
    else if (signal !== 'SIGUSR1' && signal !== 'SIGUSR2' && signal !== 'SIGWINCH')
      starting.resolve({ how: 'killed', signal });
  });
  const ending = await Promise.race([run(order, slots, application, options), starting.promise]);
  release();
  const code = await codeOf(ending, order);
  // What waits for the daemon must not start the command after all.
  if (!application.started) process.exit(code);
  return code;
}

async function run(
  order: Order,
  slots: Slots | null,
  application: Application,
  options: ExecOptions,
): Promise<Ending> {
  const source: Source = { connect: () => connect(options, VALUE_READERS), say };
  const { values, client } = await firstValues(source, order.names, options.wait);
  const reaction = new Reaction({ order, slots, application, client, values });
  application.start(reaction.environment());
  const over = new AbortController();
  const trouble = new Trouble(say);
  for (const [name, value] of [...values]) {
    const changed = (next: Value) => reaction.changed(name, next);
    void followValue(source, name, value, { changed, trouble, signal: over.signal });
  }
  const ending = await application.ended;
  over.abort();
  return ending;
}

type Parts = {
  readonly order: Order;
  readonly slots: Slots | null;
  readonly application: Application;
  readonly client: Client;
  readonly values: Map<string, Value>;
};

/** What is done about new versions, one thing at a time: what comes meanwhile is taken up afterwards, or along. */
class Reaction {
  readonly #parts: Parts;
  /** The versions that the command knows of. */
  #known = new Map<string, number>();
  #busy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Ours for the command: the secrets in, what opens the daemon out. */
  environment(): Environment {
    const { order, client, values } = this.#parts;
    this.#known = this.#versions();
    const ours = Object.entries(process.env).filter(
      ([name, value]) => !OURS.includes(name) && !client.isToken(value),
    );
    const secrets = [...order.variables].map(
      ([variable, name]) => [variable, values.get(name)?.secret.reveal()] as const,
    );
    return Object.fromEntries([...ours, ...secrets]);
  }

  changed(name: string, value: Value): void {
    const { order, values, application } = this.#parts;
    values.set(name, value);
    const todo = application.goesOn ? order.onNew.do : 'tell';
    const does = { tell: 'goes on with the value it has', restart: 'is started anew', signal: 'is told' };
    say(`${name} has a new version, ${value.version}: ${programOf(order)} ${does[todo]}`);
    if (todo === 'tell' || this.#busy) return;
    this.#busy = true;
    void this.#act().finally(() => {
      this.#busy = false;
    });
  }

  async #act(): Promise<void> {
    const { application, order } = this.#parts;
    while (this.#isBehind()) {
      await this.#turn();
      if (!application.goesOn) return;
      if (order.onNew.do !== 'signal') await application.replace(() => this.environment());
      else {
        this.#known = this.#versions();
        application.signal(order.onNew.signal);
      }
    }
  }

  /** Waits for a slot of our own among the replicas. */
  async #turn(): Promise<void> {
    const { slots, order } = this.#parts;
    if (slots === null) return;
    const { now } = systemClock();
    try {
      await sleep(slots.take(now()) - now(), undefined, { ref: false });
    } catch {
      say('the directory where the replicas meet cannot be written: a random moment is taken');
      await sleep(Math.random() * order.stagger, undefined, { ref: false });
    }
  }

  #isBehind(): boolean {
    return [...this.#parts.values].some(([name, { version }]) => this.#known.get(name) !== version);
  }

  #versions(): Map<string, number> {
    return new Map([...this.#parts.values].map(([name, { version }]) => [name, version]));
  }
}

async function codeOf(ending: Ending, order: Order): Promise<number> {
  if (ending.how === 'exited') return ending.code;
  if (ending.how === 'killed') return endBy(ending.signal);
  const missing = ending.errno === 'ENOENT';
  const why = missing
    ? 'there is no such command, or what it is to be run by is missing'
    : ending.errno === 'EACCES'
      ? 'it may not be executed'
      : `it cannot be executed (${ending.errno})`;
  say(`${programOf(order)}: ${why}`);
  return missing ? NOT_FOUND : CANNOT_EXECUTE;
}

const programOf = ({ command: [program] }: Order) => printable(program);

/**
 * A line on standard error. Not through Node's stream: that would make the file non-blocking, for the command as well,
 * which shares it.
 */
function say(line: string): void {
  try {
    writeSync(2, `keywarden exec: ${line}\n`);
  } catch {
    // Nobody reads it, or not quickly enough.
  }
}
