import { testDocuments } from '../testing/test-documents.ts';

testDocuments(2000, 120_000);
