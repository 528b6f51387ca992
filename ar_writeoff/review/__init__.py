"""The items of a run: paging, filters, selection, totals and export."""
