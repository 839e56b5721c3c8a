export { checkerboardOrder } from './checkerboard-order.ts';
