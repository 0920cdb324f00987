"""The depth of films whose containers do not name it: measured on every film, decided for groups of a data set."""
