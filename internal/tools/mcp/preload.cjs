// Loaded before the server, to make it fit for tests.
const { Server } = require('node:net');

// It listens on every interface and has no option for that: this keeps it to the
// machine.
const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== 'number' && typeof port !== 'string') {
    return listen.call(this, port, ...rest);
  }
  const callback = rest.find((argument) => typeof argument === 'function');
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, callback);
};

// It wants this global, which Node.js 18 (Debian 12) keeps behind a flag.
globalThis.crypto ??= require('node:crypto').webcrypto;
