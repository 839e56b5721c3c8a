export { remaskingOrder } from './remasking-order.ts';
