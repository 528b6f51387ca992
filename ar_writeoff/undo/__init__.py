"""Taking back what a run posted: cancel, reverse, reinstate; and what guards a written-off balance."""
