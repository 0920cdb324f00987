"""Patients, breasts and lesions, drawn at random without any pixels."""
