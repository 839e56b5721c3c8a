export { collaborativeBackbone } from './collaborative-backbone.ts';
