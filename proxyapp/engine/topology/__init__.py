"""Which servers belong together: pairs and pools, by their Application objects."""
