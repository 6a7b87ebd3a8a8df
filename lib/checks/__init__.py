"""One module a launch task: `read_*` looks, `judge_*` decides, and each looker returns Findings."""
