// The types of runs: write-offs of balances, and claims of their tax. The name of a saved run tells its type, see
// core/run_types.py.

export const TAX_RUN = "Write-Off Tax Run";

export const doctype_of = (name) => (name.startsWith("WTR-") ? TAX_RUN : "Write-Off Run");

// Whether the items of the document are tax claims.
export const posts_claims = (doc) => doc.doctype === TAX_RUN;
