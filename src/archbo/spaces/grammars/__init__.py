"""What stands behind `Grammar`: terms, rules, the languages they derive, the unrolled tree."""
