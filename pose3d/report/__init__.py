"""Tables, figures and pages: what a run shows of itself."""
