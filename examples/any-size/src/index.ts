export { placedBackbone } from './placed-backbone.ts';
