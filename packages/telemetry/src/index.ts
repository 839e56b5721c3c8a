export {
  configureLog,
  flushLog,
  log,
  logError,
  readLogOptions,
  withoutSecrets,
  type Log,
  type LogOptions,
} from './log.ts';
export { BatchMeter } from './batch-meter.ts';
export { withinClaim } from './claimed-work.ts';
export { measuredBlobs } from './measured-blobs.ts';
export { measuredStore } from './measured-store.ts';
export { meters, registry } from './meters.ts';
export { startTelemetry } from './start-telemetry.ts';
export { troubleOf, type Trouble } from './trouble.ts';
export {
  contextOf,
  failSpan,
  inSpan,
  openSpan,
  recordSpan,
  traceparent,
  traceparentOf,
  type SpanOptions,
} from './tracing.ts';
