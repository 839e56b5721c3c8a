export { markovBackbone } from './markov-backbone.ts';
export { maskedScalesOrder } from './masked-scales-order.ts';
