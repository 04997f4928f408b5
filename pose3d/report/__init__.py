"""Tables, figures, videos and the HTML page."""
