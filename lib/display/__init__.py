"""How rows and figures are shown, in a notebook and on a page."""
