"""To look at a study: what its trials say, as figures, a page, tables and a progress display."""
