"""The live page about studies: it reads their stores while they run, and knows no run."""
