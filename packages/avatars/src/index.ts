export { attributeValues, NONE } from './attributes.ts';
export { captionsOf, wordOf } from './captions.ts';
export { drawAvatar, drawnWith, type Avatar } from './draw-avatar.ts';
export { openAvatarThreads, type AvatarRequest, type AvatarThreads } from './draw-avatars.ts';
export { avatarCredit, avatarStyles, type AvatarStyle } from './styles.ts';
