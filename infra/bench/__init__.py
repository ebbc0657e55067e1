"""`dawalog bench`: our figures beside baselines, taken in one run on servers of their own."""
