import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { clientAddress, clientOf } from './client-address.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded ? { 'x-forwarded-for': forwarded } : {},
  }) as unknown as IncomingMessage;

it('believes no one where no proxy is named', () => {
  const addressOf = clientAddress([]);
  expect(addressOf(request('127.0.0.1', '203.0.113.9'))).toBe('127.0.0.1');
  expect(addressOf(request('::ffff:192.0.2.7', '203.0.113.9'))).toBe('192.0.2.7');
});

it('takes the last address that is no named proxy, and nothing that a client has made up', () => {
  const addressOf = clientAddress(['loopback', '10.0.0.0/8']);
  expect(addressOf(request('10.0.0.1', '203.0.113.9'))).toBe('203.0.113.9');
  expect(addressOf(request('127.0.0.1', '198.51.100.1, 203.0.113.9, 10.2.3.4'))).toBe('203.0.113.9');
  expect(addressOf(request('192.0.2.7', '203.0.113.9'))).toBe('192.0.2.7');
  expect(addressOf(request('10.0.0.1'))).toBe('10.0.0.1');
  for (const junk of ['unknown', '<script>', '1.2.3.4:80', ','])
    expect(addressOf(request('10.0.0.1', junk))).toBe('10.0.0.1');
});

it('refuses what is no address of a proxy', () => {
  for (const wrong of ['proxy.example', '10.0.0.0/64', 'true']) {
    expect(() => clientAddress([wrong])).toThrow(/^\[api\] got TESSERA_TRUST_PROXY=.+; expected .+\. .+\.$/);
  }
});

it('counts a /64 of IPv6 as one client', () => {
  expect(clientOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  expect(clientOf('2001:db8:1:2::1')).toBe(clientOf('2001:db8:1:2:ffff::'));
  expect(clientOf('192.0.2.7')).toBe('192.0.2.7');
});
