"""How deep films are whose containers do not tell: measured on every film, decided for the films of a data set."""
