export { mixerBackbone } from './mixer-backbone.ts';
