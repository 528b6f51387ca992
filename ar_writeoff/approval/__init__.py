"""Who may write off how much, who submits a run, and that what is posted is what was approved."""
