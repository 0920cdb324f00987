"""Patients, breasts and lesions, drawn at random, without pixels."""
