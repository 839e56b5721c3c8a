import { testDocuments } from '../testing/test-documents.ts';

testDocuments(10_000, 600_000);
