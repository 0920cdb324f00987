"""Results in forms that people and their tools read without mammo."""
