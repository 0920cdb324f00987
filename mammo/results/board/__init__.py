"""The leaderboard: runs side by side, grouped and filtered."""
