import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { Listen } from '../config/types.ts';
import { KeywardenError } from '../model/index.ts';

/**
 * Starts listening. A socket file gets its mode and group; one that a killed process left behind is replaced.
 * @throws {KeywardenError} `port_taken`, `cannot_listen`
 */
export async function listen(server: Server, where: Listen): Promise<void> {
  if (where.kind === 'unix') await removeStaleSocket(where);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(cannotListen(where, error.code));
    server.once('error', fail);
    server.once('listening', () => {
      server.off('error', fail);
      resolve();
    });
    if (where.kind === 'unix') server.listen(where.path);
    else server.listen(where.port, where.host);
  });
  if (where.kind === 'unix') admit(where, server);
}

type UnixListen = Extract<Listen, { kind: 'unix' }>;

/** Anything but a socket that nobody answers on is somebody's and stays: then listening fails. */
async function removeStaleSocket(where: UnixListen): Promise<void> {
  const found = lstatSync(where.path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true) return;
  if (await answers(where.path)) throw cannotListen(where, 'EADDRINUSE');
  unlinkSync(where.path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function admit(where: UnixListen, server: Server): void {
  try {
    if (where.gid !== null) chownSync(where.path, -1, where.gid);
    chmodSync(where.path, where.mode);
  } catch (error) {
    server.close();
    throw cannotListen(where, error instanceof Error && 'code' in error ? String(error.code) : undefined);
  }
}

function cannotListen(where: Listen, code: string | undefined): KeywardenError {
  const place = where.kind === 'unix' ? where.path : `${where.host}:${where.port}`;
  return code === 'EADDRINUSE'
    ? new KeywardenError('port_taken', `another process listens on ${place}; stop it, or change api.listen`)
    : new KeywardenError(
        'cannot_listen',
        `cannot listen on ${place} (${code}); check api.listen and the rights to it`,
      );
}
