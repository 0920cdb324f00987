"""The commands of `mammo`, one file each; nothing heavy is imported before a command runs."""
