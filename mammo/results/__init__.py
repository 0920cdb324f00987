"""Tables, figures, reports and exports of stored runs; nothing here imports torch."""
