"""Records Keras trainings."""
