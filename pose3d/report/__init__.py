"""Tables, figures, videos and the HTML page."""


def draw_curve(*arguments):
    """`figures.curve_figure`, imported when it is called: ranks that draw nothing start sooner."""
    from pose3d.report.plots.figures import curve_figure

    curve_figure(*arguments)
