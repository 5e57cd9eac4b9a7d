"""The only code that knows engines, locks and batching: connections, transactions, tables, migrations."""
