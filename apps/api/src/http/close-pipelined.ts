import type { RequestHandler } from 'express';

/**
 * Of several requests that a client sends on one connection without waiting (pipelining), Node gives the connection to one
 * response at a time. It does not close the others where the client leaves: this does, so that all that they hold is freed.
 */
export const closePipelined: RequestHandler = ({ socket }, response, next) => {
  if (response.socket !== null) return next();
  const close = () => {
    if (response.socket !== null) return;
    response.destroy();
    response.emit('close');
  };
  // There is one listener for each request that waits.
  socket.setMaxListeners(0).once('close', close);
  response.once('close', () => socket.off('close', close));
  next();
};
