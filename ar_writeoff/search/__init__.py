"""Search: finds open balances in the Payment Ledger by criteria and checks their eligibility."""
