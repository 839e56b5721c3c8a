import { diag, DiagLogLevel } from '@opentelemetry/api';
import { log } from './log.ts';

/** True where the environment names a receiver of traces. */
export function isTraced(environment: NodeJS.ProcessEnv): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED } = environment;
  return OTEL_SDK_DISABLED !== 'true' && Boolean(OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/**
 * Sends the spans of this process to the receiver that the environment names. The SDK reads the usual variables itself:
 * OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES and others. Returns what sends the rest and ends it.
 */
export async function startTracing(role: string, environment: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  // Loaded only here: they take time and memory.
  const [{ OTLPTraceExporter }, { BatchSpanProcessor, NodeTracerProvider }, resources] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/resources'),
  ]);
  const { defaultResource, detectResources, envDetector, hostDetector, resourceFromAttributes } = resources;
  diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const name = environment['OTEL_SERVICE_NAME'] || 'tessera';
  const own = resourceFromAttributes({ 'service.name': name, 'tessera.role': role });
  const found = detectResources({ detectors: [hostDetector, envDetector] });
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(found).merge(own),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  return () => provider.shutdown();
}

const diagnostics = {
  error: (text: string) => log.warn(`traces: ${text}`),
  warn: (text: string) => log.warn(`traces: ${text}`),
  info: () => undefined,
  debug: () => undefined,
  verbose: () => undefined,
};
