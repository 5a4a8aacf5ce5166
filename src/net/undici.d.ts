/*
 * Parts of undici by their own paths. Its index loads all of it (caches, mocks, WebSocket, …), which costs a daemon
 * 7 MB and 50 ms for nothing. These files are no public interface: the version is pinned, and this room's tests use each.
 */
declare module 'undici/lib/dispatcher/agent.js' {
  export { Agent as default } from 'undici';
}

declare module 'undici/lib/web/fetch/request.js' {
  export { Request } from 'undici';
}

declare module 'undici/lib/web/fetch/response.js' {
  export { Response } from 'undici';
}
