"""Access to ERPNext's ledgers and master data, including the differences between its releases."""
