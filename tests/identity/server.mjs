// An identity provider on loopback. Its standard input is a JSON object:
//   {client: {...metadata of RFC 7591}, users: {name: {groups: [...]}}}
// and its first line of standard output its issuer. PUT /users replaces who there is. Whoever has a name there signs in
// with any password.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const given = JSON.parse(await text(process.stdin));
let users = given.users;
let answer;
const server = createServer(async (request, response) => {
  if (request.method === 'PUT' && request.url === '/users') {
    users = JSON.parse(await text(request));
    response.end();
  } else {
    answer(request, response);
  }
});
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [given.client],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: { devInteractions: { enabled: true } },
    issueRefreshToken: () => true,
    pkce: { required: () => true },
    findAccount: (_context, id) =>
      Object.hasOwn(users, id)
        ? { accountId: id, claims: () => ({ sub: id, preferred_username: id, ...users[id] }) }
        : undefined,
  });
  answer = provider.callback();
  process.stdout.write(`${issuer}\n`);
});
