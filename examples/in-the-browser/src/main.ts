import type { DrawMessage, DrawRequest, Picture } from './messages.ts';

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const form = document.querySelector('form')!;
const status = document.querySelector<HTMLElement>('[role=status]')!;
const canvas = document.querySelector('canvas')!;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const request: DrawRequest = {
    model: String(fields.get('model')),
    label: Number(fields.get('label')),
    seed: Number(fields.get('seed')),
  };
  form.querySelector('button')!.disabled = true;
  status.textContent = `Loading ${request.model} …`;
  worker.postMessage(request);
});

worker.addEventListener('message', ({ data }: MessageEvent<DrawMessage>) => {
  if (data.type === 'step') status.textContent = `Step ${data.index + 1} of ${data.of}`;
  if (data.type === 'image') {
    status.textContent = `Loaded in ${Math.round(data.loadMs)} ms, drawn in ${Math.round(data.drawMs)} ms.`;
  }
  if (data.type === 'error') status.textContent = data.message;
  else if (data.picture) paint(data.picture);
  if (data.type !== 'step') form.querySelector('button')!.disabled = false;
  // The test reads the numbers here.
  if (data.type === 'image') document.dispatchEvent(new CustomEvent('drawn', { detail: data }));
  if (data.type === 'error') document.dispatchEvent(new CustomEvent('failed', { detail: data.message }));
});

function paint({ data, height, width, channels }: Picture): void {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[pixel * 4 + channel] = Math.round(data[pixel * channels + Math.min(channel, channels - 1)]! * 255);
    }
    image.data[pixel * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
