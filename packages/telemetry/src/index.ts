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
export { meters, registry } from './meters.ts';
export { startTelemetry, type Role } from './start-telemetry.ts';
export { contextOf, failSpan, inSpan, openSpan, recordSpan, traceparent, type SpanOptions } from './tracing.ts';
