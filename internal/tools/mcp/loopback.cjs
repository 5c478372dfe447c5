// The server listens on every interface and has no option for that. Loaded before
// it, this keeps a test's server to the machine.
const { Server } = require('node:net');

const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== 'number' && typeof port !== 'string') {
    return listen.call(this, port, ...rest);
  }
  const callback = rest.find((argument) => typeof argument === 'function');
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, callback);
};
