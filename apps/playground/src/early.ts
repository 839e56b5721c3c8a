import { loadModels } from './api/models.ts';

/* Small, and run while the rest of the page is still on its way: whatever room is opened, it needs the models. */
loadModels();
