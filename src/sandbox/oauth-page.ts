import type { Reply } from './http.ts';

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // No form-action: browsers apply it to the redirects after the form as well, and those lead elsewhere on purpose.
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Where a user says yes or no. Works without scripts; unticked scopes are not granted. */
export function consentPage(asked: {
  readonly request: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
}): Reply {
  const scopes = asked.scopes.map(
    (scope) =>
      `<li><label><input type="checkbox" name="scope" value="${escaped(scope)}" checked> ${escaped(scope)}</label></li>`,
  );
  return page(
    200,
    'FrameFlow: allow access?',
    `<h1>Allow access?</h1>
<p><b>${escaped(asked.clientId)}</b> asks for access to your FrameFlow account:</p>
<form method="post" action="/oauth/authorize">
<input type="hidden" name="request" value="${escaped(asked.request)}">
<ul>
${scopes.join('\n')}
</ul>
<p>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button>
</p>
</form>
<p>Afterwards you are sent on to ${escaped(new URL(asked.redirectUri).host || asked.redirectUri)}.</p>`,
  );
}

/** For what cannot be told to the application, because it is not known who asks (RFC 6749, 4.1.2.1). */
export function faultPage(status: number, message: string, headers: Reply['headers'] = {}): Reply {
  const reply = page(
    status,
    'FrameFlow: this cannot go on',
    `<h1>This cannot go on</h1>\n<p>${escaped(message)}</p>`,
  );
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

function page(status: number, title: string, body: string): Reply {
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escaped(title)}</title></head>
<body>
${body}
<p><small>This is the sandbox's stand-in for FrameFlow.</small></p>
</body>
</html>
`;
  return { status, headers: HEADERS, body: html };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
