import { createHmac } from 'node:crypto';

/** The secret that a tenant's webhooks are signed with, as Standard Webhooks writes it. It follows from the server's own. */
export function webhookSecret(serverSecret: Uint8Array, tenant: string): string {
  const key = createHmac('sha256', serverSecret).update(`webhooks ${tenant}`).digest();
  return `whsec_${key.toString('base64')}`;
}

/** Headers of a message by standardwebhooks.com: receivers check them with any of its libraries. */
export function signedHeaders(secret: string, id: string, body: string, seconds: number): Record<string, string> {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
}
