import { expect, test } from 'vitest';
import { browserCommand } from './browser.ts';

const URL = 'https://auth.example.com/a?x=$(reboot)&y=%s;z';

test.each([
  [{}, 'linux', ['xdg-open', URL]],
  [{}, 'darwin', ['open', URL]],
  [{}, 'win32', null],
  [{ BROWSER: '' }, 'linux', ['xdg-open', URL]],
  [{ BROWSER: 'firefox' }, 'linux', ['firefox', URL]],
  [{ BROWSER: 'firefox --new-tab:chromium' }, 'win32', ['firefox', '--new-tab', URL]],
  [{ BROWSER: 'w3m -o x=%s -T' }, 'linux', ['w3m', '-o', `x=${URL}`, '-T']],
])('with %j on %s', (env, platform, command) => {
  expect(browserCommand(URL, env, platform)).toEqual(command);
});

test.each(['file:///etc/passwd', 'javascript:alert(1)', '--version', ''])('never %j', (address) => {
  expect(browserCommand(address, { BROWSER: 'firefox' }, 'linux')).toBeNull();
});
